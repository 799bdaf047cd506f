"""The learned prior: a trained code generator turns noise into codes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["LearnedOptions", "priorkit_priors"]


class LearnedOptions(Options):
    """Options of the prior `learned`."""

    moved_options = MappingProxyType({"hidden": "--code-generator.hidden"})

    noise_dim: int = Field(64, ge=1, description="dimensions of the noise z")
    conditioning_augmentation: float = Field(
        0.0,
        ge=0,
        description="give the code generator a draw from a learned N(mu(s), sigma(s)^2) instead of s; this is the "
        "weight of this distribution's KL divergence from N(0, I), per dimension, in each phase that trains the prior "
        "against a discriminator (Zhang et al. 2017, StackGAN); 0 turns this off",
    )


def _build(options: LearnedOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.learned.prior import LearnedPrior

    if options.conditioning_augmentation and not context.condition_dim:
        raise ValueError(
            f"conditioning_augmentation is {options.conditioning_augmentation:g}, but the run has no condition: "
            "choose a condition, such as --condition text, or leave it at 0"
        )
    code_generator = context.code_generator(options.noise_dim, context.condition_dim)
    return LearnedPrior(
        code_generator, context.condition_dim, conditioning_augmentation=options.conditioning_augmentation
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `learned`."""
    return [
        Component(
            "learned",
            LearnedOptions,
            _build,
            summary="a code generator turns noise into codes, and learns to make the decoder's images look real",
            source="Wang, Peng and Ko 2020, Learning priors for adversarial autoencoders, Section 3",
        )
    ]
