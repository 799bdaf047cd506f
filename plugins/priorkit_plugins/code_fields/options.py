"""What is chosen of a field by the priors that have one."""

from __future__ import annotations

from pydantic import Field

from priorkit.plugins import Options

__all__ = ["FieldOptions"]


class FieldOptions(Options):
    """Options of a field, and of how a condition guides it."""

    hidden: int = Field(512, ge=1, description="width of the network's hidden layers, where codes are vectors")
    layers: int = Field(4, ge=1, description="number of its hidden layers, where codes are vectors")
    width: int = Field(64, ge=2, description="channels of the network's first layer, where codes are maps")
    guidance: float = Field(
        0.0,
        ge=0,
        description="classifier-free guidance: how much further samples are moved to s, away from codes over all s; 0 "
        "leaves that out",
    )
    condition_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the codes from which it learns without s, which guidance needs"
    )
