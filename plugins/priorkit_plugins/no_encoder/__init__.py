"""No encoder: a generative adversarial network, which is a prior, a decoder and an image discriminator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, EncoderContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["NoEncoderOptions", "priorkit_encoders"]


class NoEncoderOptions(Options):
    """Options of the encoder `none`: none."""


def _build(options: NoEncoderOptions, context: EncoderContext) -> None:
    return None


@hookimpl
def priorkit_encoders() -> list[Component[Encoder | None]]:
    """Supplies the encoder `none`."""
    return [
        Component(
            "none",
            NoEncoderOptions,
            _build,
            summary="no encoder: a GAN, whose generator is the prior and the decoder",
            source="Goodfellow et al. 2014, Generative adversarial nets, arXiv:1406.2661",
        )
    ]
