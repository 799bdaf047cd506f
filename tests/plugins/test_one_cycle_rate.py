"""The learning rate that rises and falls once."""

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from priorkit_plugins.one_cycle_rate import one_cycle_rate

RATE = 0.3


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], RATE)


def rates(schedule: torch.optim.lr_scheduler.LRScheduler, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(("steps", "rising"), [(40, 0.25), (100, 0.1), (7, 0.5)])
def test_it_is_a_linear_rise_and_a_cosine(steps: int, rising: float) -> None:
    first = round(rising * steps)
    reference = optimizer()
    rise = LinearLR(reference, start_factor=1 / first, total_iters=first - 1)
    fall = CosineAnnealingLR(reference, T_max=steps - first)
    expected = rates(SequentialLR(reference, [rise, fall], [first]), steps)
    assert rates(one_cycle_rate(optimizer(), steps, rising), steps) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("rising", [0.0, 1.0])
def test_a_single_step_has_the_whole_rate(rising: float) -> None:
    assert rates(one_cycle_rate(optimizer(), 1, rising), 1) == [RATE]
