"""Every built-in encoder keeps to its interface's contract."""

from collections.abc import Callable

from priorkit.interfaces import ImageShape
from priorkit.plugins import installed_plugins
from priorkit.testing import Case, Situations, parametrize_with_checks

SITUATIONS = Situations(code_dims=(1, 4), shapes=(ImageShape(1, 16), ImageShape(3, 16)))
CASES = [
    Case("encoder", "deterministic", situations=SITUATIONS),
    Case("encoder", "gaussian", situations=SITUATIONS),
    Case("encoder", "gaussian", {"min_log_variance": -2.0, "max_log_variance": 0.5}, situations=SITUATIONS),
    Case("encoder", "none", situations=SITUATIONS),
]


@parametrize_with_checks(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_none_is_forgotten() -> None:
    owned = {
        item.component.name for item in installed_plugins().components("encoder") if item.distribution == "priorkit"
    }
    assert {case.subject for case in CASES} == owned
