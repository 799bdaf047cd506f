"""Every built-in regularizer keeps its contract."""

from collections.abc import Callable

from priorkit.testing import Case, Situations
from quick_choices import contracts

BRIEFLY = Situations(code_dims=(2,), classes=(0,))
"""Situations for further options of components that other cases check thoroughly."""

CLOSE = ("keeps_codes_close_to_the_prior", "the_encoder_learns")
LEARNED = (*CLOSE, "a_prior_that_learns_by_likelihood_learns")

CASES = [
    Case("regularizer", "adversarial", required=(*CLOSE, "mixing_is_used_as_it_says", "samples_are_independent")),
    Case("regularizer", "adversarial", {"weight": 0.1}, situations=BRIEFLY),
    Case("regularizer", "beta-tc-vae", required=(*LEARNED, "conditions_are_used_as_it_says")),
    Case("regularizer", "cramer-wold", required=LEARNED, situations=BRIEFLY),
    Case("regularizer", "dip-vae", required=CLOSE, situations=BRIEFLY),
    Case("regularizer", "factor-vae", required=(*LEARNED, "mixing_is_used_as_it_says"), situations=BRIEFLY),
    Case("regularizer", "info-vae", required=LEARNED, situations=BRIEFLY),
    Case("regularizer", "kl", required=(*LEARNED, "conditions_are_used_as_it_says", "samples_are_independent")),
    Case(
        "regularizer",
        "kl",
        {"weight": 4.0, "warm_up": 10},
        required=("buffers_need_the_whole_batch",),
        situations=BRIEFLY,
    ),
    Case("regularizer", "kl", {"free_bits": 0.1, "warm_up": 5, "period": 10}, situations=BRIEFLY),
    Case("regularizer", "mmd", required=LEARNED),
    Case("regularizer", "mmd", {"kernel": "rbf", "scales": (1.0, 4.0)}, required=LEARNED, situations=BRIEFLY),
    Case("regularizer", "none"),
    Case("regularizer", "rae", required=("the_encoder_learns", "the_decoder_learns"), situations=BRIEFLY),
    Case("regularizer", "rae", {"decoder": "gradient"}, required=("encoder_noise_is_used",), situations=BRIEFLY),
    Case("regularizer", "sliced-wasserstein", required=(*LEARNED, "encoder_noise_is_used")),
    Case("regularizer", "sliced-wasserstein", {"projections": 5}, situations=BRIEFLY),
]


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_no_built_in_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    assert built_in("regularizer") == {case.subject for case in CASES}
