"""The text encoder of characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, TextEncoderContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import TextEncoder

__all__ = ["CharCNNRNNOptions", "priorkit_text_encoders"]


class CharCNNRNNOptions(Options):
    """Options of the text encoder `char-cnn-rnn`."""

    dim: int = Field(200, ge=1, le=65_536, description="dimensions of a caption's vector; 1024 in its paper")
    channels: tuple[int, ...] = Field((384, 512, 256), description="channels of the three convolutions")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the pooled state that training drops")


def _build(options: CharCNNRNNOptions, context: TextEncoderContext) -> TextEncoder:
    from priorkit_plugins.char_cnn_rnn.encoder import CharCNNRNN

    if len(options.channels) != 3 or min(options.channels) < 1:
        raise ValueError(
            f"channels is {','.join(map(str, options.channels))}: expected three numbers of at least 1, as 384,512,256"
        )
    return CharCNNRNN(options.dim, options.channels, options.dropout)


@hookimpl
def priorkit_text_encoders() -> list[Component[TextEncoder]]:
    """Supplies the text encoder `char-cnn-rnn`."""
    return [
        Component(
            "char-cnn-rnn",
            CharCNNRNNOptions,
            _build,
            summary="convolutions and a recurrent network over characters, trained with the run; needs no vocabulary",
            source="Reed et al. 2016, Learning deep representations of fine-grained visual descriptions, "
            "arXiv:1605.05395; used for images by Reed et al. 2016, Generative adversarial text to image synthesis, "
            "arXiv:1605.05396; the alphabet is that of Zhang et al. 2015, arXiv:1509.01626",
        )
    ]
