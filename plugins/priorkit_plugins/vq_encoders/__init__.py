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
        description="how the codebook learns: by moving averages of the vectors that its entries stand for, or by the "
        "gradient of its distance from them",
    )
    decay: float = Field(0.99, ge=0, lt=1, description="decay of the moving averages at each batch")
    revive_below: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="an entry that stands for less than this share of its part of the vectors, 1 / entries, is dead "
        "and starts again from a vector of the batch; 0 leaves dead entries dead",
    )


class ResidualVectorQuantisingOptions(VectorQuantisingOptions):
    """Options of the encoder `residual-vq`."""

    quantisers: int = Field(2, ge=1, le=64, description="codebooks in a row, each for what the ones before have left")
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
            summary="the nearest vectors of a learned codebook, at every place of a map",
            source="van den Oord et al. 2017, Neural discrete representation learning, arXiv:1711.00937",
        ),
        Component(
            "residual-vq",
            ResidualVectorQuantisingOptions,
            _build,
            summary="sums of vectors, one of each of several learned codebooks, at every place of a map",
            source="Zeghidour et al. 2021, SoundStream: An end-to-end neural audio codec, arXiv:2107.03312; Lee et al. "
            "2022, Autoregressive image generation using residual quantization, arXiv:2203.01941",
        ),
    ]
