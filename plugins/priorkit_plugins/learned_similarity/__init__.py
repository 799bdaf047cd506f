"""The learned similarity of VAE/GAN: a likelihood of the image discriminator's features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, LossContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import ReconstructionLoss

__all__ = ["LearnedSimilarityOptions", "priorkit_losses"]


class LearnedSimilarityOptions(Options):
    """Options of the loss `learned-similarity`."""

    layer: int = Field(-1, description="feature layer of the image discriminator, from 0, or from the end if negative")
    weight: float = Field(1.0, gt=0, description="weight of the loss; --reconstruction-weight is the paper's gamma")


def _build(options: LearnedSimilarityOptions, context: LossContext) -> ReconstructionLoss:
    from priorkit_plugins.learned_similarity.loss import LearnedSimilarityLoss

    return LearnedSimilarityLoss(options.layer, options.weight)


@hookimpl
def priorkit_losses() -> list[Component[ReconstructionLoss]]:
    """Supplies the loss `learned-similarity`."""
    return [
        Component(
            "learned-similarity",
            LearnedSimilarityOptions,
            _build,
            summary="Gaussian log-likelihood of the image discriminator's features (VAE/GAN)",
            source="Larsen et al. 2016, Autoencoding beyond pixels, arXiv:1512.09300, Eq. 7 and 8",
        )
    ]
