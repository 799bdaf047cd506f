import torch
from torch import nn

from priorkit.engine.skipped_moves import SkippedMoves

GOOD, BAD = torch.tensor([True, True]), torch.tensor([True, False])


def test_moves_are_skipped_until_too_many_follow_each_other() -> None:
    moves = SkippedMoves({})
    assert [moves.skips(BAD) for _ in range(20)] == [True] * 20
    assert not moves.skips(GOOD)
    assert moves.count == 20
    assert [moves.skips(BAD) for _ in range(21)] == [True] * 20 + [False]


def test_statistics_are_those_of_before() -> None:
    norm = nn.BatchNorm1d(2)
    moves = SkippedMoves({"net": norm})
    norm(torch.randn(8, 2))
    before = norm.running_mean.clone()
    moves.begin_step()
    norm(torch.full((8, 2), float("nan")))
    assert bool(norm.running_mean.isnan().all())
    assert moves.skips(BAD)
    moves.end_step()
    assert torch.equal(norm.running_mean, before)


def test_only_steps_that_skipped_a_move_restore_statistics() -> None:
    norm = nn.BatchNorm1d(2)
    moves = SkippedMoves({"net": norm})
    moves.begin_step()
    assert moves.skips(BAD)
    moves.end_step()
    moves.begin_step()
    norm(torch.full((8, 2), float("nan")))
    assert not moves.skips(GOOD)
    moves.end_step()
    assert bool(norm.running_mean.isnan().all())
