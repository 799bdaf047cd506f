"""The adversarial loss `relativistic` and the recipe `relativistic-gan`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.plugins import AdversarialLossContext, Component, Options, Recipe, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import AdversarialLoss

__all__ = ["RelativisticOptions", "priorkit_adversarial_losses", "priorkit_recipes"]

_SOURCE = "Jolicoeur-Martineau 2019, The relativistic discriminator, arXiv:1807.00734"


class RelativisticOptions(Options):
    """Options of the adversarial loss `relativistic`."""

    average: bool = Field(True, description="compare with the mean of the other kind of samples; otherwise in pairs")


def _build(options: RelativisticOptions, context: AdversarialLossContext) -> AdversarialLoss:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_relativistic.loss import RelativisticLoss

    return RelativisticLoss(average=options.average)


@hookimpl
def priorkit_adversarial_losses() -> list[Component[AdversarialLoss]]:
    """Supplies the adversarial loss `relativistic`."""
    return [
        Component(
            "relativistic",
            RelativisticOptions,
            _build,
            summary="cross-entropy of relative logits: how much more real a sample looks than the other kind",
            source=_SOURCE,
        )
    ]


@hookimpl
def priorkit_recipes() -> list[Recipe]:
    """Supplies the recipe `relativistic-gan`."""
    text = (Path(__file__).parent / "relativistic-gan.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)
    about = settings.pop("recipe")
    return [Recipe("relativistic-gan", about["summary"], about["source"], settings)]
