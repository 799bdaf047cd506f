"""Every built-in phase keeps its contract."""

from collections.abc import Callable

from priorkit.testing import Case, parametrize_with_checks

TRAINS = ("phases_keep_their_contract", "phases_train_their_players")

CASES = [
    Case("phases", "autoencoder", required=TRAINS),
    Case("phases", "code-fitting", required=TRAINS),
    Case("phases", "code-matching", required=TRAINS),
    Case("phases", "prior-improvement", required=TRAINS),
]


@parametrize_with_checks(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_no_built_in_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    assert built_in("phases") == {case.subject for case in CASES}
