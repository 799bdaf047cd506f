"""Every built-in code generator keeps its contract."""

from collections.abc import Callable

from priorkit.testing import Case, Situations
from quick_choices import contracts

BRIEFLY = Situations(code_dims=(3,))
"""Situations for further options of components that other cases check thoroughly."""

CASES = [
    Case("code_generator", "mlp"),
    Case("code_generator", "mlp", {"layers": 2, "output_norm": False}, situations=BRIEFLY),
    Case("code_generator", "residual"),
    Case("code_generator", "residual", {"blocks": 1, "output_norm": False}, situations=BRIEFLY),
]


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_no_built_in_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    assert built_in("code_generator") == {case.subject for case in CASES}
