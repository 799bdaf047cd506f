"""AdamW with a learning rate that rises and falls once."""

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR

from priorkit_plugins.one_cycle_adamw import one_cycle_adamw

RATE = 0.3


def schedule(steps: int, rising: float) -> LRScheduler:
    return one_cycle_adamw(torch.nn.Linear(2, 2), RATE, steps, rising=rising, weight_decay=0.1)[1]


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], RATE)


def rates(scheduled: LRScheduler, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(scheduled.get_last_lr()[0])
        scheduled.optimizer.step()
        scheduled.step()
    return found


@pytest.mark.parametrize(("steps", "rising"), [(40, 0.25), (100, 0.1), (7, 0.5)])
def test_it_is_a_linear_rise_and_a_cosine(steps: int, rising: float) -> None:
    first = round(rising * steps)
    reference = optimizer()
    rise = LinearLR(reference, start_factor=1 / first, total_iters=first - 1)
    fall = CosineAnnealingLR(reference, T_max=steps - first)
    expected = rates(SequentialLR(reference, [rise, fall], [first]), steps)
    assert rates(schedule(steps, rising), steps) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("rising", [0.0, 1.0])
def test_a_single_step_has_the_whole_rate(rising: float) -> None:
    assert rates(schedule(1, rising), 1) == [RATE]


def test_only_matrices_decay() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer, _ = one_cycle_adamw(network, RATE, 10, rising=0.2, weight_decay=0.1)
    decay = {id(weights): group["weight_decay"] for group in optimizer.param_groups for weights in group["params"]}
    assert {name: decay[id(weights)] for name, weights in network.named_parameters()} == {
        "0.weight": 0.1,
        "0.bias": 0.0,
        "1.weight": 0.0,
        "1.bias": 0.0,
    }
