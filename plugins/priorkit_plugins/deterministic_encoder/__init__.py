"""The deterministic encoder, the paper's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["DeterministicEncoderOptions", "priorkit_encoders"]


class DeterministicEncoderOptions(Options):
    """Options of the encoder `deterministic`: none."""


def _build(options: DeterministicEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.deterministic_encoder.encoder import DeterministicEncoder

    return DeterministicEncoder(context.networks.encoder(context.code_dim), context.code_dim)


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `deterministic`."""
    return [
        Component(
            "deterministic",
            DeterministicEncoderOptions,
            _build,
            summary="one code for each image",
            source="Makhzani et al. 2015, arXiv:1511.05644, Section 2; Wang, Peng and Ko 2020",
        )
    ]
