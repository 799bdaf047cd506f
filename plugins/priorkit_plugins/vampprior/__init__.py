"""The VampPrior: a mixture of the encoder's own posteriors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["VampPriorOptions", "priorkit_priors"]


class VampPriorOptions(Options):
    """Options of the prior `vampprior`."""

    pseudo_inputs: int = Field(500, ge=2, description="K, the number of pseudo-inputs")
    start: Literal["mean", "images"] = Field(
        "mean", description="initial pseudo-inputs: the mean training image with noise, or training images"
    )
    noise_std: float = Field(0.01, ge=0, description="standard deviation of the noise of initial pseudo-inputs")
    learned_weights: bool = Field(False, description="learn the weights of the mixture; otherwise they are 1/K")


def _build(options: VampPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.vampprior.prior import VampPrior, starting_images

    encoder = context.encoder
    if encoder is None or not encoder.stochastic or context.images is None:
        raise ValueError("needs an encoder that gives a distribution; use --encoder gaussian")
    start = starting_images(
        context.images, options.pseudo_inputs, context.train_count, mean=options.start == "mean", std=options.noise_std
    )
    return VampPrior(encoder, start, learned_weights=options.learned_weights)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `vampprior`."""
    return [
        Component(
            "vampprior",
            VampPriorOptions,
            _build,
            summary="a mixture of the encoder's posteriors of learned pseudo-inputs",
            source="Tomczak and Welling 2018, VAE with a VampPrior, arXiv:1705.07120",
        )
    ]
