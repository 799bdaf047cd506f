"""Noise contrastive priors: a normal distribution, reweighted by a classifier between codes and its draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["NoiseContrastiveOptions", "priorkit_priors"]


class NoiseContrastiveOptions(Options):
    """Options of the prior `noise-contrastive`."""

    base: Literal["gaussian", "full-gaussian"] = Field(
        "full-gaussian",
        description="the base, a normal distribution with independent dimensions, or with any covariance",
    )
    hidden: int = Field(256, ge=1, description="width of the classifier's hidden layers")
    layers: int = Field(2, ge=1, description="number of hidden layers of the classifier")
    sampler: Literal["resampling", "langevin"] = Field(
        "resampling", description="sampler: resampling from candidates of the base, or Langevin dynamics"
    )
    candidates: int = Field(500, ge=1, description="draws of the base from which resampling picks a sample")
    steps: int = Field(40, ge=1, le=1000, description="steps of Langevin dynamics")
    step_size: float = Field(0.1, gt=0, description="size of a Langevin step")
    constant_draws: int = Field(
        16384, ge=1, description="fixed draws of the base that estimate the normalising constant of the density"
    )


def _build(options: NoiseContrastiveOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.gaussian_base import GaussianBase
    from priorkit_plugins.noise_contrastive.prior import NoiseContrastivePrior
    from priorkit_plugins.noise_contrastive.samplers import ImportanceResampling, Langevin
    from priorkit_plugins.scalar_network import ScalarNetwork

    resampling = options.sampler == "resampling"
    return NoiseContrastivePrior(
        GaussianBase(context.code_dim, full=options.base == "full-gaussian"),
        ScalarNetwork(context.code_dim, context.condition_dim, hidden=options.hidden, layers=options.layers),
        ImportanceResampling(options.candidates) if resampling else Langevin(options.steps, options.step_size),
        constant_draws=options.constant_draws,
        classes=context.classes,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `noise-contrastive`."""
    return [
        Component(
            "noise-contrastive",
            NoiseContrastiveOptions,
            _build,
            summary="a normal distribution, reweighted by a classifier between codes and its draws",
            source="Aneja et al. 2021, A contrastive learning approach for training variational autoencoder priors, "
            "arXiv:2010.02917",
        )
    ]
