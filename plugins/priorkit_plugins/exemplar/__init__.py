"""The exemplar prior: a mixture around the codes of all training images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["ExemplarOptions", "priorkit_priors"]


class ExemplarOptions(Options):
    """Options of the prior `exemplar`."""

    neighbours: int = Field(
        5,
        ge=1,
        description="k, number of nearest exemplars, which are re-encoded and define a code's density in training",
    )
    exemplars: int | None = Field(
        None,
        ge=2,
        description="M, number of exemplars searched in a step for neighbours, others in each step; None for all",
    )
    refreshed: int = Field(
        250, ge=1, description="number of training images whose stored codes are refreshed in each step"
    )
    std: float = Field(1.0, gt=0, description="initial standard deviation of every dimension around an exemplar")


def _build(options: ExemplarOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.exemplar.prior import ExemplarPrior
    from priorkit_plugins.exemplar.training_pixels import TrainingPixels

    if context.encoder is None or not context.encoder.stochastic:
        raise ValueError("needs an encoder that gives a distribution; use --encoder gaussian")
    return ExemplarPrior(
        context.encoder,
        TrainingPixels(context.training_images),
        context.train_count,
        neighbours=options.neighbours,
        exemplars=options.exemplars,
        refreshed=options.refreshed,
        std=options.std,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `exemplar`."""
    return [
        Component(
            "exemplar",
            ExemplarOptions,
            _build,
            summary="a Parzen window over the codes of all training images, each left out for its own code",
            source="Norouzi et al. 2020, Exemplar VAE, arXiv:2004.04795",
        )
    ]
