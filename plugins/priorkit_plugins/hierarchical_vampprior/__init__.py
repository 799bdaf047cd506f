"""The VampPrior of two levels of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, PriorContext, hookimpl
from priorkit_plugins.vampprior import VampPriorOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["HierarchicalVampPriorOptions", "priorkit_priors"]


class HierarchicalVampPriorOptions(VampPriorOptions):
    """Options of the prior `hierarchical-vampprior`."""

    hidden: int = Field(256, ge=1, description="width of the hidden layers of p(z1|z2)")
    layers: int = Field(2, ge=0, description="number of hidden layers of p(z1|z2)")


def _build(options: HierarchicalVampPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.conditional_normal import ConditionalNormal
    from priorkit_plugins.hierarchical_encoder.encoder import HierarchicalEncoder
    from priorkit_plugins.hierarchical_vampprior.prior import HierarchicalVampPrior
    from priorkit_plugins.vampprior.prior import VampPrior, starting_images

    encoder = context.encoder
    if not isinstance(encoder, HierarchicalEncoder) or context.images is None:
        raise ValueError("needs an encoder of two levels of codes; use --encoder hierarchical")
    start = starting_images(
        context.images, options.pseudo_inputs, context.train_count, mean=options.start == "mean", std=options.noise_std
    )
    top = VampPrior(encoder.top, start, learned_weights=options.learned_weights)
    bottom_dim = context.code_dim - top.code_dim
    bottom = ConditionalNormal(top.code_dim, bottom_dim, hidden=options.hidden, layers=options.layers)
    return HierarchicalVampPrior(top, bottom, context.code_dim)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `hierarchical-vampprior`."""
    return [
        Component(
            "hierarchical-vampprior",
            HierarchicalVampPriorOptions,
            _build,
            summary="p(z1|z2) p(z2) of two levels of codes, p(z2) a VampPrior; needs --encoder hierarchical",
            source="Tomczak and Welling 2018, VAE with a VampPrior, arXiv:1705.07120, Section 4",
        )
    ]
