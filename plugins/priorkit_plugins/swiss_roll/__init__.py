"""The Swiss roll of the AAE paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["SwissRollOptions", "priorkit_priors"]


class SwissRollOptions(Options):
    """Options of the prior `swiss-roll`."""

    turns: float = Field(2.0, gt=0, description="turns of the spiral")
    radius: float = Field(3.0, gt=0, description="distance of the spiral's outer end from 0")
    std: float = Field(0.05, ge=0, description="standard deviation of the distance from the spiral")


def _build(options: SwissRollOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.swiss_roll.prior import SwissRollPrior

    if context.code_dim != 2:
        raise ValueError(f"lies in a plane, but codes have {context.code_dim} dimensions; use --code-dim 2")
    return SwissRollPrior(options.turns, options.radius, options.std, context.classes)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `swiss-roll`."""
    return [
        Component(
            "swiss-roll",
            SwissRollOptions,
            _build,
            summary="a spiral in the plane; with classes, one part of it for each",
            source="Makhzani et al. 2015, Adversarial autoencoders, arXiv:1511.05644, Section 2.3",
        )
    ]
