"""Energy-based priors: a normal distribution tilted by an energy that is learned from codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["EnergyOptions", "priorkit_priors"]


class EnergyOptions(Options):
    """Options of the prior `energy`."""

    base: Literal["gaussian", "full-gaussian"] = Field(
        "full-gaussian",
        description="the base, a normal distribution with independent dimensions, or with any covariance",
    )
    hidden: int = Field(256, ge=1, description="width of the energy's hidden layers")
    layers: int = Field(2, ge=1, description="number of hidden layers of the energy")
    steps: int = Field(20, ge=1, le=1000, description="steps of Langevin dynamics from noise to a code")
    step_size: float = Field(0.4, gt=0, description="size of a Langevin step")
    decay: float = Field(
        0.01, ge=0, description="weight of the mean square of f in the loss, which keeps chains from diverging"
    )


def _build(options: EnergyOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.energy.prior import EnergyPrior
    from priorkit_plugins.gaussian_base import GaussianBase
    from priorkit_plugins.scalar_network import ScalarNetwork

    network = ScalarNetwork(
        context.code_dim, context.condition_dim, hidden=options.hidden, layers=options.layers, constant=False
    )
    return EnergyPrior(
        GaussianBase(context.code_dim, full=options.base == "full-gaussian"),
        network,
        steps=options.steps,
        step_size=options.step_size,
        decay=options.decay,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `energy`."""
    return [
        Component(
            "energy",
            EnergyOptions,
            _build,
            summary="a normal distribution tilted by an energy that is learned from codes, drawn by Langevin dynamics",
            source="Pang et al. 2020, Learning latent space energy-based prior model, arXiv:2006.08205; Hinton 2002, "
            "Training products of experts by minimizing contrastive divergence, for learning from codes",
        )
    ]
