"""The encoders `vq` and `residual-vq`: indices of learned codebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["ResidualVectorQuantisingOptions", "VectorQuantisingOptions", "priorkit_encoders"]


class VectorQuantisingOptions(Options):
    """Options of the encoder `vq`."""

    entries: int = Field(128, ge=2, le=65536, description="vectors in the codebook; 512 in the paper")
    commitment: float = Field(0.25, ge=0, description="weight of the commitment loss (beta of the paper)")
    codebook_update: Literal["averages", "gradient"] = Field(
        "averages",
        description="training of the codebook: by moving averages of the vectors assigned to its entries, or by the "
        "gradient of their distance",
    )
    decay: float = Field(0.99, ge=0, lt=1, description="decay of the moving averages at each batch")
    revive_below: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="an entry whose share of the vectors falls below this factor times 1 / entries is dead "
        "and is reset to a vector of the batch; 0 turns this off",
    )


class ResidualVectorQuantisingOptions(VectorQuantisingOptions):
    """Options of the encoder `residual-vq`."""

    quantisers: int = Field(
        2, ge=1, le=64, description="number of codebooks, each of which quantises the residual of those before"
    )
    shared: bool = Field(False, description="one codebook for all quantisers, as in Lee et al. 2022")


def _build(options: VectorQuantisingOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.quantised_maps import require_maps
    from priorkit_plugins.vq_encoders.codebook import Codebook
    from priorkit_plugins.vq_encoders.encoder import VectorQuantisingEncoder

    channels, _, _ = require_maps(context.codes)

    def codebook() -> Codebook:
        return Codebook(
            options.entries,
            channels,
            update=options.codebook_update,
            decay=options.decay,
            revive_below=options.revive_below,
        )

    codebooks = [codebook()]
    if isinstance(options, ResidualVectorQuantisingOptions):
        codebooks += [codebooks[0] if options.shared else codebook() for _ in range(options.quantisers - 1)]
    body = context.networks.encoder(context.code_dim)
    return VectorQuantisingEncoder(body, context.codes, codebooks, options.commitment)


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoders `vq` and `residual-vq`."""
    return [
        Component(
            "vq",
            VectorQuantisingOptions,
            _build,
            summary="each place of a map is replaced by the nearest vector of a learned codebook",
            source="van den Oord et al. 2017, Neural discrete representation learning, arXiv:1711.00937",
        ),
        Component(
            "residual-vq",
            ResidualVectorQuantisingOptions,
            _build,
            summary="each place of a map is replaced by a sum of vectors, one from each of several learned codebooks",
            source="Zeghidour et al. 2021, SoundStream: An end-to-end neural audio codec, arXiv:2107.03312; Lee et al. "
            "2022, Autoregressive image generation using residual quantization, arXiv:2203.01941",
        ),
    ]
