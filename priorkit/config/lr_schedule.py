"""Settings of learning-rate schedules within a stage."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["LRSchedule"]

_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "constant": ("warm_up",),
    "linear": ("warm_up", "length", "final"),
    "cosine": ("warm_up", "length", "final"),
    "exponential": ("warm_up", "factor", "every"),
    "step": ("warm_up", "factor", "every"),
    "one-cycle": ("length", "final", "start", "peak"),
}
"""The options that each schedule has."""


class LRSchedule(BaseModel):
    """The factor of all learning rates in each step of a stage: a schedule by name, and its options.

    Written as a name, or as a table with the key `name`. The schedules are those of `torch.optim.lr_scheduler`:
    `linear` and `cosine` decay over the stage; `step` multiplies by `factor` once every `every` steps; `exponential`
    decays equally fast, but a little in each step; `one-cycle` first rises, then falls (Smith and Topin 2017,
    arXiv:1708.07120).

    Examples:
        >>> from priorkit.config import LRSchedule
        >>> LRSchedule.model_validate("cosine").final
        0.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Literal["constant", "linear", "cosine", "exponential", "step", "one-cycle"] = Field(
        "constant", description="learning-rate schedule within a stage"
    )
    warm_up: int = Field(0, ge=0, description="all but one-cycle: steps of linear warm-up")
    length: int | None = Field(
        None, ge=1, description="linear, cosine, one-cycle: step of the stage at which the decay ends (none: its last)"
    )
    final: float = Field(0.0, ge=0, le=1, description="linear, cosine, one-cycle: final factor of the learning rates")
    factor: float = Field(0.5, gt=0, le=1, description="exponential, step: factor of each reduction")
    every: int = Field(1000, ge=1, description="exponential, step: steps between two reductions")
    start: float = Field(0.04, gt=0, le=1, description="one-cycle: initial factor of the learning rates")
    peak: float = Field(
        0.3, gt=0, lt=1, description="one-cycle: fraction of its length at which learning rates are highest"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _options_of_its_own(self) -> Self:
        own = _OPTIONS[self.name]
        for key, field in type(self).model_fields.items():
            if key not in ("name", *own) and getattr(self, key) != field.default:
                words = ", ".join(name.replace("_", "-") for name in own)
                raise ValueError(f"{self.name} has no option {key.replace('_', '-')!r}; its options are {words}")
        if self.length is not None and self.warm_up >= self.length:
            raise ValueError(f"a warm-up of {self.warm_up} steps must be shorter than the length of {self.length}")
        return self

    @property
    def falls_over_its_length(self) -> bool:
        """Whether the factor depends on the length of the stage, or on `length`."""
        return "length" in _OPTIONS[self.name]

    @property
    def constant(self) -> bool:
        """Whether the factor is always 1."""
        return self.name == "constant" and not self.warm_up
