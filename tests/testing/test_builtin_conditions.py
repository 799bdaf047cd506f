"""Every built-in condition keeps its contract."""

from collections.abc import Callable

from priorkit.testing import Case
from quick_choices import contracts

CASES = [
    Case("condition", "labels"),
    Case("condition", "labels", {"recovery": "generated", "seen_by_code_critic": False}),
    Case("condition", "categorical"),
    Case("condition", "categorical", {"classes": 2}),
    Case("condition", "categorical", {"classes": 3, "continuous": 2}),
    Case("condition", "categorical", {"classes": 3, "recovery": "self-labelled"}),
    Case("condition", "categorical", {"recovery": "self-labelled", "changes": "photograph"}),
    Case("condition", "embedding"),
    Case("condition", "embedding", {"remembered": 40, "mismatched": False, "interpolated": 0.5}),
    Case("condition", "text"),
    Case("condition", "text", {"remembered": 40, "loss": "structured", "seen_by_image_critic": False}),
    Case("condition", "none"),
]


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_none_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    owned = built_in("condition")
    assert {case.subject for case in CASES} == owned
