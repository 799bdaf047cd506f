from priorkit.evaluation.catalogue import CATALOGUE
from priorkit.evaluation.unbiased import BELOW_ZERO, UNBIASED, below_zero_note


def test_the_names_are_those_of_scores() -> None:
    assert {item.name for item in CATALOGUE} >= UNBIASED - {"sample_distance"}


def test_all_are_explained_at_once() -> None:
    assert below_zero_note(["KID", "distance", "KID"]) == f"KID, distance: {BELOW_ZERO}"
    assert below_zero_note([]) == ""
