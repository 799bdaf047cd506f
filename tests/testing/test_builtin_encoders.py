"""Every built-in encoder keeps to its interface's contract."""

from collections.abc import Callable

from priorkit.interfaces import ImageShape
from priorkit.testing import Case, Situations, parametrize_with_checks

SITUATIONS = Situations(code_dims=(1, 4), shapes=(ImageShape(1, 16), ImageShape(3, 16)))
BRIEFLY = Situations(code_dims=(3,), codes=(), shapes=(ImageShape(1, 16),), examples=2)
DENSITY = ("densities_are_those_of_the_draws",)

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
    Case("encoder", "none", situations=SITUATIONS),
]


@parametrize_with_checks(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_none_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    owned = built_in("encoder")
    assert {case.subject for case in CASES} == owned
