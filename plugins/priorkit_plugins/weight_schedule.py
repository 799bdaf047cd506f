"""Schedules of a regularizer's weight: warm-up, once or in cycles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from priorkit.plugins import Options

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Rise", "WeightSchedule", "WeightScheduleOptions"]

Rise = Literal["linear", "cosine"]
"""The shape of the warm-up."""


@dataclass(frozen=True)
class WeightSchedule:
    """The factor of a weight as a function of how many updates there have been.

    The factor rises from 0 to 1 during the warm-up (Bowman et al. 2016, arXiv:1511.06349; Sonderby et al. 2016,
    arXiv:1602.02282). With a period, it starts again from 0 at the beginning of each period (Fu et al. 2019,
    arXiv:1903.10145): their M cycles over T updates, rising for a share R of each, correspond to a period of T / M and
    a warm-up of R T / M.

    Attributes:
        warm_up: Updates over which the factor rises; 0 for a constant factor of 1.
        rise: `linear`, or `cosine`: half a period of a cosine, flat at both ends.
        period: Updates after which the factor starts again; 0 for never.

    Examples:
        >>> import torch
        >>> from priorkit_plugins.weight_schedule import WeightSchedule
        >>> WeightSchedule(warm_up=2, period=4).factor(torch.arange(6))
        tensor([0.0000, 0.5000, 1.0000, 1.0000, 0.0000, 0.5000])
    """

    warm_up: int = 0
    rise: Rise = "linear"
    period: int = 0

    @property
    def constant(self) -> bool:
        """Whether the factor is always 1."""
        return self.warm_up == 0

    def factor(self, updates: Tensor) -> Tensor:
        """The factor, between 0 and 1, after a number of updates.

        Args:
            updates: Numbers of updates, integers of any shape.
        """
        assert not self.constant, "a constant weight has nothing to compute"
        position = updates % self.period if self.period else updates
        risen = (position / self.warm_up).clamp(max=1)
        return risen if self.rise == "linear" else 0.5 - 0.5 * (math.pi * risen).cos()


class WeightScheduleOptions(Options):
    """Options of a regularizer whose weight may change in training."""

    warm_up: int = Field(0, ge=0, description="steps over which the weight rises from 0 to its value; 0 for none")
    rise: Rise = Field("linear", description="shape of the warm-up")
    period: int = Field(0, ge=0, description="steps after which the warm-up starts again; 0 for never")

    @model_validator(mode="after")
    def _fits_into_its_period(self) -> Self:
        if self.period and not 0 < self.warm_up <= self.period:
            raise ValueError(
                f"a period of {self.period} steps needs a warm_up of 1 to {self.period} steps, not {self.warm_up}"
            )
        return self

    @property
    def schedule(self) -> WeightSchedule:
        """The schedule that these options describe."""
        return WeightSchedule(self.warm_up, self.rise, self.period)
