"""The text encoder `static`: averages of pretrained word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, TextEncoderContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import TextEncoder

__all__ = ["StaticTextEncoderOptions", "priorkit_text_encoders"]


class StaticTextEncoderOptions(Options):
    """Options of the text encoder `static`."""

    dim: int = Field(
        256,
        ge=1,
        le=256,
        description="dimensions of a caption's vector: the first ones of 256; the model also suits 64 and 128",
    )
    length: int = Field(
        64,
        ge=1,
        le=4096,
        description="tokens of a caption (parts of words); the rest is cut",
    )


def _build(options: StaticTextEncoderOptions, context: TextEncoderContext) -> TextEncoder:
    from priorkit_plugins.static_text_encoder.encoder import StaticTextEncoder
    from priorkit_plugins.static_text_encoder.word_llama import read_tokenizer, read_vectors

    return StaticTextEncoder(read_vectors(), read_tokenizer(), options.dim, options.length)


@hookimpl
def priorkit_text_encoders() -> list[Component[TextEncoder]]:
    """Supplies the text encoder `static`."""
    return [
        Component(
            "static",
            StaticTextEncoderOptions,
            _build,
            summary="the mean of a language model's pretrained word vectors (needs the extra `text`)",
            source="Miller 2024, WordLlama, github.com/dleemiller/WordLlama, model l2_supercat; truncated as in "
            "Kusupati et al. 2022, Matryoshka representation learning, arXiv:2205.13147",
        )
    ]
