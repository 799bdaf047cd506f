import pytest
import torch
from torch import Tensor

from priorkit.exporting.dependent_numbers import dependent_numbers


def _drawn(draws: int, count: int, seed: int) -> Tensor:
    return torch.rand(draws, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("draws", "count"), [(20_000, 1), (20_000, 8), (4_000, 500), (64, 2_000), (64, 6_000)])
def test_independent_numbers_are_not_found(draws: int, count: int) -> None:
    for seed in range(3):
        assert not dependent_numbers(_drawn(draws, count, seed)).any()


@pytest.mark.parametrize(("first", "second"), [(0, 1), (3, 1500), (1500, 1999)])
@pytest.mark.parametrize("change", [lambda x: x, lambda x: 1 - x])
def test_each_of_two_that_depend_on_each_other_is_found(first: int, second: int, change: object) -> None:
    drawn = _drawn(200, 2_000, 0)
    drawn[:, second] = change(drawn[:, first])  # type: ignore[operator]
    kept = dependent_numbers(drawn).nonzero().flatten().tolist()
    assert kept == [first, second]


def test_distances_from_the_middle_are_compared() -> None:
    drawn = _drawn(2_000, 5, 0)
    signs = torch.where(_drawn(2_000, 1, 1)[:, 0] < 0.5, -1, 1)
    drawn[:, 3] = 0.5 + signs * (drawn[:, 2] - 0.5)
    assert dependent_numbers(drawn).tolist() == [False, False, True, True, False]
