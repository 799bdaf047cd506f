"""Every built-in encoder keeps its contract."""

from collections.abc import Callable

from priorkit.interfaces import CodeSpace, ImageShape
from priorkit.testing import Case, Situations
from quick_choices import contracts

SITUATIONS = Situations(code_dims=(1, 4), shapes=(ImageShape(1, 16), ImageShape(3, 16)))
BRIEFLY = Situations(code_dims=(3,), codes=(), shapes=(ImageShape(1, 16),), examples=2)
DENSITY = ("densities_are_those_of_the_draws",)

MAPS = Situations(codes=(CodeSpace((2, 4, 3)),), shapes=(ImageShape(1, 16),), examples=2)
QUANTISES = ("indices_are_of_the_codebook",)
LEARNS = (*QUANTISES, "terms_are_losses", "tracking_layers_can_be_held")
CASES = [
    Case("encoder", "deterministic", situations=SITUATIONS),
    Case("encoder", "gaussian", situations=SITUATIONS),
    Case("encoder", "gaussian", {"min_log_variance": -2.0, "max_log_variance": 0.5}, situations=SITUATIONS),
    Case("encoder", "hierarchical", {"hidden": 8}, required=DENSITY, situations=BRIEFLY),
    Case("encoder", "iaf", {"hidden": 8}, required=DENSITY, situations=BRIEFLY),
    Case("encoder", "noisy", situations=SITUATIONS),
    Case("encoder", "noisy", {"noise": 2.0}, situations=SITUATIONS),
    Case("encoder", "laplace", required=DENSITY, situations=BRIEFLY),
    Case("encoder", "logistic", required=DENSITY, situations=BRIEFLY),
    Case("encoder", "von-mises-fisher", required=DENSITY, situations=BRIEFLY),
    Case("encoder", "wrapped-normal", required=DENSITY, situations=BRIEFLY),
    Case("encoder", "vq", {"entries": 7}, required=LEARNS, situations=MAPS),
    Case("encoder", "vq", {"entries": 7, "codebook_update": "gradient"}, required=LEARNS, situations=MAPS),
    Case("encoder", "residual-vq", {"entries": 5, "quantisers": 3}, required=LEARNS, situations=MAPS),
    Case("encoder", "residual-vq", {"entries": 5, "shared": True}, required=LEARNS, situations=MAPS),
    Case("encoder", "fsq", {"levels": (4, 3)}, required=QUANTISES, situations=MAPS),
    Case("encoder", "lookup-free", required=(*QUANTISES, "terms_are_losses"), situations=MAPS),
    Case("encoder", "dirichlet", required=DENSITY, situations=BRIEFLY),
    Case("encoder", "logistic-normal", required=DENSITY, situations=BRIEFLY),
    Case("encoder", "categorical", {"classes": 3, "annealing": 10}, required=DENSITY, situations=BRIEFLY),
    Case("encoder", "none", situations=SITUATIONS),
]


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_none_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    owned = built_in("encoder")
    assert {case.subject for case in CASES} == owned
