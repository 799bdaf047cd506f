"""The prior and the regularizer `latent-energy`, and the recipe `latent-energy-vae`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, PriorContext, Recipe, RegularizerContext, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Prior, Regularizer

__all__ = [
    "LatentEnergyOptions",
    "LatentEnergyRegularizerOptions",
    "priorkit_priors",
    "priorkit_recipes",
    "priorkit_regularizers",
]

_SOURCE = "Pang et al. 2020, Learning latent space energy-based prior model, arXiv:2006.08205"


class LatentEnergyOptions(Options):
    """Options of the prior `latent-energy`."""

    hidden: int = Field(128, ge=1, description="width of the two hidden layers of the energy")
    steps: int = Field(20, ge=1, le=1000, description="steps of Langevin dynamics from noise to a code")
    step_size: float = Field(0.4, gt=0, description="size of a Langevin step")
    every: int = Field(1, ge=1, description="train the energy once every this many steps")
    learning_rate: float = Field(2e-5, gt=0, description="learning rate of the energy")


class LatentEnergyRegularizerOptions(Options):
    """Options of the regularizer `latent-energy`."""

    weight: float = Field(1.0, gt=0, description="weight of the divergence")


def _build_prior(options: LatentEnergyOptions, context: PriorContext) -> Prior:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_latent_energy.prior import LatentEnergyPrior

    return LatentEnergyPrior(
        context.code_dim,
        options.hidden,
        steps=options.steps,
        step_size=options.step_size,
        every=options.every,
        learning_rate=options.learning_rate,
    )


def _build_regularizer(options: LatentEnergyRegularizerOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_latent_energy.regularizer import LatentEnergyRegularizer

    return LatentEnergyRegularizer(options.weight)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `latent-energy`."""
    summary = "a normal distribution tilted by a learned energy, drawn by Langevin dynamics"
    return [Component("latent-energy", LatentEnergyOptions, _build_prior, summary=summary, source=_SOURCE)]


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `latent-energy`."""
    return [
        Component(
            "latent-energy",
            LatentEnergyRegularizerOptions,
            _build_regularizer,
            summary="the divergence from a prior with an energy, up to a constant that no network depends on",
            source=_SOURCE,
        )
    ]


@hookimpl
def priorkit_recipes() -> list[Recipe]:
    """Supplies the recipe `latent-energy-vae`."""
    text = (Path(__file__).parent / "latent-energy-vae.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)
    about = settings.pop("recipe")
    return [Recipe("latent-energy-vae", about["summary"], about["source"], settings)]
