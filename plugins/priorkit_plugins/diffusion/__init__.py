"""The prior `diffusion`: a network that removes noise from codes, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, PriorContext, hookimpl
from priorkit_plugins.code_fields.options import FieldOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["DiffusionOptions", "priorkit_priors"]


class DiffusionOptions(FieldOptions):
    """Options of the prior `diffusion`."""

    predict: Literal["v", "noise"] = Field(
        "v", description="prediction target of the network: v, a mixture of noise and code, or the noise"
    )
    noise_levels: int = Field(1000, ge=2, description="T, the number of times between codes and noise")
    steps: int = Field(20, ge=1, description="steps of the sampler from noise to a code, at most T")
    eta: float = Field(
        0.0,
        ge=0,
        le=1,
        description="eta, the noise added in each step of the sampler: 0 for none (DDIM), 1 for as much as DDPM",
    )
    fits: int = Field(1, ge=1, description="updates on each batch of codes")
    improvement: float = Field(
        0.0, ge=0, description="factor of the gradient of training against the image discriminator; 0 turns this off"
    )


def _build(options: DiffusionOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.code_fields.making import make_field
    from priorkit_plugins.diffusion.prior import DiffusionPrior

    if options.steps > options.noise_levels:
        raise ValueError(
            f"there are {options.noise_levels} noise levels, fewer than {options.steps} steps; use --prior.steps "
            f"{options.noise_levels} or fewer"
        )
    return DiffusionPrior(
        make_field(options, context),
        levels=options.noise_levels,
        steps=options.steps,
        eta=options.eta,
        predict=options.predict,
        guidance=options.guidance,
        condition_dropout=options.condition_dropout,
        fits=options.fits,
        improvement=options.improvement,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `diffusion`."""
    return [
        Component(
            "diffusion",
            DiffusionOptions,
            _build,
            summary="noise that a network removes step by step, learned from codes with noise (DDPM, DDIM)",
            source="Ho et al. 2020, arXiv:2006.11239; Song et al. 2021, DDIM, arXiv:2010.02502; Nichol and Dhariwal "
            "2021, arXiv:2102.09672; of codes, Rombach et al. 2022, arXiv:2112.10752",
        )
    ]
