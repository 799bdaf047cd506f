"""How weights of regularizers change in training."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from priorkit.interfaces import Posterior, Prior
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.weight_schedule import Rise, WeightSchedule, WeightScheduleOptions


def by_hand(update: int, warm_up: int, rise: Rise, period: int) -> float:
    if period:
        update %= period
    share = min(1.0, update / warm_up)
    return share if rise == "linear" else (1 - math.cos(math.pi * share)) / 2


@settings(deadline=None)
@given(
    warm_up=st.integers(1, 20),
    rise=st.sampled_from(["linear", "cosine"]),
    rest=st.none() | st.integers(0, 20),
    update=st.integers(0, 100),
)
def test_the_factor_of_each_update(warm_up: int, rise: Rise, rest: int | None, update: int) -> None:
    period = 0 if rest is None else warm_up + rest
    found = WeightScheduleOptions(warm_up=warm_up, rise=rise, period=period).schedule.factor(torch.tensor(update))
    assert float(found) == pytest.approx(by_hand(update, warm_up, rise, period), abs=1e-6)


def test_cycles_of_fu_et_al() -> None:
    """Four cycles of 40 updates, half of each a rise (Fu et al. 2019, Eq. 6 and 7)."""
    total, cycles, share = 40, 4, 0.5
    schedule = WeightSchedule(warm_up=round(share * total / cycles), period=total // cycles)
    for update in range(total):
        tau = (update % math.ceil(total / cycles)) / (total / cycles)
        assert float(schedule.factor(torch.tensor(update))) == pytest.approx(min(1.0, tau / share), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"period": 5}, "needs a warm_up of 1 to 5 steps, not 0"),
        ({"warm_up": 6, "period": 5}, "needs a warm_up of 1 to 5 steps, not 6"),
        ({"warm_up": -1}, "greater than or equal to 0"),
        ({"rise": "steep"}, "'linear' or 'cosine'"),
    ],
)
def test_bad_schedules(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        WeightScheduleOptions.model_validate(options)


class Size(ScheduledRegularizer):
    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        weight = self.scheduled(3.0)
        self.count_update()
        return {"size": weight * posterior.code.square().mean()}


def test_updates_are_counted_where_something_depends_on_them() -> None:
    assert Size().state_dict() == {}
    regularizer, code = Size(WeightSchedule(2, "linear", 3)), torch.ones(1, 1)

    def size() -> float:
        return float(regularizer.encoder_terms(Posterior(code, code), None, code)["size"])  # type: ignore[arg-type]

    assert [size() for _ in range(5)] == [0.0, 1.5, 3.0, 0.0, 1.5]
    regularizer.eval()
    assert [size(), size()] == [3.0, 3.0]
    with torch.no_grad():
        regularizer.train()
        assert [size(), size()] == [3.0, 3.0]
    assert regularizer.state_dict() == {"updates": torch.tensor(5)}
