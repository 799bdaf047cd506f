"""The encoder `fsq`: finite scalar quantisation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["FiniteScalarQuantisingOptions", "priorkit_encoders"]

_MOST_ENTRIES = 65536


class FiniteScalarQuantisingOptions(Options):
    """Options of the encoder `fsq`."""

    levels: tuple[Annotated[int, Field(ge=2, le=64)], ...] = Field(
        (8, 5, 5, 5),
        min_length=1,
        description="number of values of each channel, 2 to 64; the codebook has as many entries as their product",
    )

    @model_validator(mode="after")
    def _check_entries(self) -> Self:
        entries = math.prod(self.levels)
        if entries > _MOST_ENTRIES:
            raise ValueError(
                f"levels {self.levels} make a codebook of {entries} entries, and it may have at most {_MOST_ENTRIES}; "
                "use fewer channels or smaller levels"
            )
        return self


def _build(options: FiniteScalarQuantisingOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.fsq_encoder.encoder import FiniteScalarQuantisingEncoder

    return FiniteScalarQuantisingEncoder(context.networks.encoder(context.code_dim), context.codes, options.levels)


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `fsq`."""
    return [
        Component(
            "fsq",
            FiniteScalarQuantisingOptions,
            _build,
            summary="each channel of a map is rounded to a few values: there is no codebook to learn",
            source="Mentzer et al. 2023, Finite scalar quantization: VQ-VAE made simple, arXiv:2309.15505",
        )
    ]
