"""The prior `flow-matching`: a code generator that carries noise to codes along a learned velocity field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, PriorContext, hookimpl
from priorkit_plugins.code_fields.options import FieldOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["FlowMatchingOptions", "priorkit_priors"]


class FlowMatchingOptions(FieldOptions):
    """Options of the prior `flow-matching`."""

    steps: int = Field(6, ge=1, le=1000, description="midpoint steps from noise to a code")
    fits: int = Field(3, ge=1, description="updates on each batch of codes, which are cheap")
    times: int = Field(4, ge=1, description="points in time, each with its own noise, for each code in an update")
    improvement: float = Field(
        0.1, ge=0, description="factor of the gradient of training against the image discriminator; 0 turns this off"
    )


def _build(options: FlowMatchingOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.code_fields.making import make_field
    from priorkit_plugins.flow_matching.prior import FlowMatchingPrior

    return FlowMatchingPrior(
        make_field(options, context),
        steps=options.steps,
        fits=options.fits,
        times=options.times,
        improvement=options.improvement,
        guidance=options.guidance,
        condition_dropout=options.condition_dropout,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `flow-matching`."""
    return [
        Component(
            "flow-matching",
            FlowMatchingOptions,
            _build,
            summary="noise carried to codes along a velocity field that is fitted to the encoder's codes",
            source="Lipman et al. 2023, Flow matching for generative modeling, arXiv:2210.02747; Tong et al. 2024, "
            "arXiv:2302.00482",
        )
    ]
