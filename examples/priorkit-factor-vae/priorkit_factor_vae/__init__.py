"""The regularizer `total-correlation` and the recipe `total-correlation-vae`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, Recipe, RegularizerContext, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["TotalCorrelationOptions", "priorkit_recipes", "priorkit_regularizers"]


class TotalCorrelationOptions(Options):
    """Options of the regularizer `total-correlation`."""

    gamma: float = Field(10.0, ge=0, description="weight of the total correlation")
    learning_rate: float = Field(1e-4, gt=0, description="learning rate of the critic")


def _build(options: TotalCorrelationOptions, context: RegularizerContext) -> Regularizer:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_factor_vae.regularizer import TotalCorrelationRegularizer

    critic = context.networks.code_critic(context.code_dim)
    return TotalCorrelationRegularizer(critic, options.gamma, learning_rate=options.learning_rate)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `total-correlation`."""
    return [
        Component(
            "total-correlation",
            TotalCorrelationOptions,
            _build,
            summary="the divergence from the prior, and the total correlation of the codes' dimensions",
            source="Kim and Mnih 2018, Disentangling by factorising, arXiv:1802.05983, Eq. 2",
        )
    ]


@hookimpl
def priorkit_recipes() -> list[Recipe]:
    """Supplies the recipe `total-correlation-vae`."""
    text = (Path(__file__).parent / "total-correlation-vae.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)
    about = settings.pop("recipe")
    return [Recipe("total-correlation-vae", about["summary"], about["source"], settings)]
