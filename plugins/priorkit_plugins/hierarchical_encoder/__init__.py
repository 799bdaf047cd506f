"""The encoder of two levels of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["HierarchicalEncoderOptions", "priorkit_encoders"]


class HierarchicalEncoderOptions(Options):
    """Options of the encoder `hierarchical`."""

    top_dim: int | None = Field(None, ge=1, description="dimensions of z2, the last ones of a code (none: half)")
    hidden: int = Field(256, ge=1, description="width of the layers from x and z2 to z1")


def _build(options: HierarchicalEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit.interfaces import CodeKind
    from priorkit_plugins.gaussian_encoder.encoder import GaussianEncoder
    from priorkit_plugins.hierarchical_encoder.encoder import HierarchicalEncoder

    if context.codes.kind is CodeKind.MAP:
        raise ValueError("its codes are two concatenated vectors; leave out --code-size")
    top_dim = context.code_dim // 2 if options.top_dim is None else options.top_dim
    if not 0 < top_dim < context.code_dim:
        raise ValueError(
            f"--encoder.top-dim {top_dim}: z1 and z2 share --code-dim {context.code_dim} dimensions, at least 1 each"
        )
    return HierarchicalEncoder(
        GaussianEncoder(context.networks.encoder(2 * top_dim), top_dim),
        context.networks.encoder(options.hidden),
        context.code_dim,
        hidden=options.hidden,
    )


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `hierarchical`."""
    return [
        Component(
            "hierarchical",
            HierarchicalEncoderOptions,
            _build,
            summary="two levels of codes, q(z2|x) and q(z1|x, z2); the decoder sees [z1, z2]",
            source="Tomczak and Welling 2018, VAE with a VampPrior, arXiv:1705.07120, Section 4",
        )
    ]
