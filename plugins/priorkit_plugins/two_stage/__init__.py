"""The prior `two-stage`: a second VAE, on the codes of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["TwoStageOptions", "priorkit_priors"]


class TwoStageOptions(Options):
    """Options of the prior `two-stage`."""

    latent_dim: int | None = Field(
        None, ge=1, description="dimensions of the second VAE's codes; by default as many as the codes have"
    )
    hidden: int = Field(512, ge=1, description="width of the hidden layers of the second encoder and decoder")
    layers: int = Field(3, ge=1, description="number of hidden layers of each")
    observation_noise: bool = Field(
        True, description="add the second decoder's noise, with the learned deviation gamma, to samples"
    )
    fits: int = Field(1, ge=1, description="updates on each batch of codes")


def _build(options: TwoStageOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.two_stage.prior import TwoStagePrior

    return TwoStagePrior(
        context.codes,
        context.condition_dim,
        latent_dim=options.latent_dim or context.code_dim,
        hidden=options.hidden,
        layers=options.layers,
        observation_noise=options.observation_noise,
        fits=options.fits,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `two-stage`."""
    return [
        Component(
            "two-stage",
            TwoStageOptions,
            _build,
            summary="a second VAE, whose data are the codes of the first",
            source="Dai and Wipf 2019, Diagnosing and enhancing VAE models, arXiv:1903.05789, Section 4",
        )
    ]
