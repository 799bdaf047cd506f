"""Every built-in adversarial loss keeps its contract."""

from collections.abc import Callable

from priorkit.testing import Case
from quick_choices import contracts

CASES = [
    Case("adversarial_loss", "began", required=("buffers_move_with_the_critic",)),
    Case("adversarial_loss", "hinge"),
    Case("adversarial_loss", "least-squares"),
    Case("adversarial_loss", "least-squares", {"a": -1.0, "b": 1.0, "c": 0.0}),
    Case("adversarial_loss", "non-saturating"),
    Case("adversarial_loss", "non-saturating", {"smoothing": 0.1}),
    Case("adversarial_loss", "wasserstein-gp", required=("penalties_train_the_critic",)),
]


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_no_built_in_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    assert built_in("adversarial_loss") == {case.subject for case in CASES}
