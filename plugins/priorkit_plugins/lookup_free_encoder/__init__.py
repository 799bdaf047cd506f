"""The encoder `lookup-free`: the signs of a few numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["LookupFreeOptions", "priorkit_encoders"]


class LookupFreeOptions(Options):
    """Options of the encoder `lookup-free`."""

    entropy: float = Field(
        0.1,
        ge=0,
        description="weight of the entropy term: vectors should be near one entry, and all entries equally frequent",
    )
    variety: float = Field(
        1.0, ge=0, description="factor of the part of the entropy term that makes entries equally frequent"
    )
    temperature: float = Field(
        0.1, gt=0, description="temperature of the probabilities in the entropy term, per channel"
    )
    commitment: float = Field(
        0.25, ge=0, description="weight of the commitment loss, the vectors' distance from their signs"
    )


def _build(options: LookupFreeOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.lookup_free_encoder.encoder import LookupFreeEncoder

    return LookupFreeEncoder(
        context.networks.encoder(context.code_dim),
        context.codes,
        entropy=options.entropy,
        variety=options.variety,
        temperature=options.temperature,
        commitment=options.commitment,
    )


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `lookup-free`."""
    return [
        Component(
            "lookup-free",
            LookupFreeOptions,
            _build,
            summary="the signs of --code-dim numbers at every place of a map, one bit each: no codebook to learn",
            source="Yu et al. 2023, Language model beats diffusion: Tokenizer is key to visual generation, "
            "arXiv:2310.05737, Section 3.1",
        )
    ]
