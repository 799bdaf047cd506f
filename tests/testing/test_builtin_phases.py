"""Every built-in phase keeps its contract."""

from collections.abc import Callable

from priorkit.testing import Case, Situations
from quick_choices import contracts

TRAINS = ("phases_keep_their_contract", "phases_train_their_players")

BRIEFLY = Situations(code_dims=(2,))
"""Situations for further options of components that other cases check thoroughly."""

CASES = [
    Case("phases", "autoencoder", required=TRAINS),
    Case("phases", "code-fitting", required=TRAINS),
    Case("phases", "code-matching", required=TRAINS),
    Case("phases", "hamiltonian", required=TRAINS),
    Case("phases", "hamiltonian", {"steps": 1, "inverse_temperature": 1.0}, required=TRAINS, situations=BRIEFLY),
    Case("phases", "importance-weighted", {"draws": 2}, required=TRAINS),
    *(
        Case("phases", "importance-weighted", {"bound": bound, "draws": 2, "groups": 2}, situations=BRIEFLY)
        for bound in ("miwae", "piwae", "ciwae")
    ),
    Case("phases", "prior-improvement", required=TRAINS),
]


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_no_built_in_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    assert built_in("phases") == {case.subject for case in CASES}
