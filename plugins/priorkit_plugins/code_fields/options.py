"""Options that are common to priors with a field."""

from __future__ import annotations

from pydantic import Field

from priorkit.plugins import Options

__all__ = ["FieldOptions"]


class FieldOptions(Options):
    """Options of a field, and of how a condition guides it."""

    hidden: int = Field(512, ge=1, description="codes that are vectors: width of the network's hidden layers")
    layers: int = Field(4, ge=1, description="codes that are vectors: number of hidden layers")
    width: int = Field(64, ge=2, description="codes that are maps: channels of the network's first layer")
    guidance: float = Field(
        0.0,
        ge=0,
        description="classifier-free guidance: strength by which samples are pushed from codes over all s to s; 0 "
        "turns guidance off",
    )
    condition_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the codes from which the network learns without s, as guidance needs"
    )
