"""Supports: the sets in which codes lie."""

import pytest
import torch

from priorkit.interfaces import Space, Support

CODES = {
    Space.EVERYWHERE: torch.tensor([[3.0, -4.0, 5.0, 0.0]]),
    Space.BALL: torch.tensor([[0.3, -0.4, 0.5, 0.0]]),
    Space.SPHERE: torch.tensor([[0.5, -0.5, 0.5, -0.5]]),
    Space.SIMPLEX: torch.tensor([[0.1, 0.2, 0.3, 0.4]]),
    Space.ONE_HOT: torch.tensor([[0.0, 0.0, 1.0, 0.0]]),
}


@pytest.mark.parametrize("space", Space)
def test_codes_lie_in_their_own_support_and_those_around_it(space: Space) -> None:
    around = {
        Space.EVERYWHERE: set(Space),
        Space.BALL: {Space.BALL, Space.SIMPLEX, Space.SPHERE, Space.ONE_HOT},
        Space.SPHERE: {Space.SPHERE, Space.ONE_HOT},
        Space.SIMPLEX: {Space.SIMPLEX, Space.ONE_HOT},
        Space.ONE_HOT: {Space.ONE_HOT},
    }[space]
    assert {other for other, code in CODES.items() if bool(Support(space).contains(code))} == around


def test_groups_add_up_each_by_itself() -> None:
    code = torch.tensor([[0.5, 0.5, 1.0, 0.0], [0.2, 0.2, 0.3, 0.3], [1.0, 0.0, 0.0, 1.0]])
    assert Support(Space.SIMPLEX, groups=2).contains(code).tolist() == [True, False, True]
    assert Support(Space.ONE_HOT, groups=2).contains(code).tolist() == [False, False, True]
    assert Support(Space.SIMPLEX).contains(code).tolist() == [False, True, False]


def test_what_is_not_a_number_lies_nowhere() -> None:
    code = torch.tensor([[torch.nan, 0.0]])
    assert not any(bool(Support(space).contains(code)) for space in Space)


@pytest.mark.parametrize("space", Space)
def test_a_support_holds_itself_and_everywhere_holds_volumes(space: Space) -> None:
    assert Support(space).holds(Support(space))
    assert Support().holds(Support(space)) is (space in (Space.EVERYWHERE, Space.BALL))
    assert Support(space).holds(Support()) is (space is Space.EVERYWHERE)


def test_balls_and_groups_are_told_apart() -> None:
    assert Support(Space.BALL, 2.0).holds(Support(Space.BALL))
    assert not Support(Space.BALL).holds(Support(Space.BALL, 2.0))
    assert not Support(Space.SIMPLEX, groups=2).holds(Support(Space.SIMPLEX))


@pytest.mark.parametrize(
    ("support", "words"),
    [
        (Support(), "all codes"),
        (Support(Space.BALL, 0.70711), "a ball of radius 0.7071"),
        (Support(Space.SIMPLEX), "a simplex"),
        (Support(Space.ONE_HOT, groups=3), "3 one-hot groups"),
    ],
)
def test_words(support: Support, words: str) -> None:
    assert str(support) == words
