"""The encoder `fsq`: finite scalar quantisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["FiniteScalarQuantisingOptions", "priorkit_encoders"]

_MOST_ENTRIES = 65536


class FiniteScalarQuantisingOptions(Options):
    """Options of the encoder `fsq`."""

    levels: tuple[int, ...] = Field(
        (8, 5, 5, 5),
        min_length=1,
        description="values that each channel may take, at least 2; the codebook has as many entries as their product",
    )

    @field_validator("levels")
    @classmethod
    def _check_levels(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        entries = 1
        for level in levels:
            entries *= level
        if min(levels) < 2 or entries > _MOST_ENTRIES:
            raise ValueError(f"levels are at least 2 each, and their product is at most {_MOST_ENTRIES}, not {levels}")
        return levels


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
            summary="a few numbers at every place of a map, each rounded to a few values: no codebook to learn",
            source="Mentzer et al. 2023, Finite scalar quantization: VQ-VAE made simple, arXiv:2309.15505",
        )
    ]
