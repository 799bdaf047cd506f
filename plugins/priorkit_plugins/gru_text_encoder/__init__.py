"""The text encoder of words: a recurrent network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, TextEncoderContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import TextEncoder

__all__ = ["GRUTextEncoderOptions", "priorkit_text_encoders"]


class GRUTextEncoderOptions(Options):
    """Options of the text encoder `gru`."""

    dim: int = Field(200, ge=1, le=65_536, description="dimensions of a caption's vector; 200 in the paper")
    word_dim: int = Field(200, ge=1, le=65_536, description="dimensions of a word's vector")
    hidden: int | None = Field(
        None, ge=1, le=65_536, description="width of the recurrent layer, in each direction (none: dim)"
    )
    bidirectional: bool = Field(True, description="read captions backwards, too")
    pooling: Literal["mean", "last"] = Field(
        "mean", description="pooling of the states: their mean over the words, or the last state"
    )
    length: int = Field(
        40, ge=1, le=4096, description="maximal number of words of a caption; longer captions are cut off"
    )
    words: int = Field(
        10_000, ge=1, description="size of the vocabulary, the most frequent words; other words share one vector"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout rate of words' vectors")


def _build(options: GRUTextEncoderOptions, context: TextEncoderContext) -> TextEncoder:
    from priorkit_plugins.gru_text_encoder.encoder import GRUTextEncoder

    return GRUTextEncoder(
        context.vocabulary[: options.words],
        options.dim,
        word_dim=options.word_dim,
        hidden=options.hidden,
        bidirectional=options.bidirectional,
        pooling=options.pooling,
        length=options.length,
        dropout=options.dropout,
    )


@hookimpl
def priorkit_text_encoders() -> list[Component[TextEncoder]]:
    """Supplies the text encoder `gru`."""
    return [
        Component(
            "gru",
            GRUTextEncoderOptions,
            _build,
            summary="a recurrent network of the words of the training captions, trained with the run",
            source="Cho et al. 2014, Learning phrase representations, arXiv:1406.1078; bidirectional as in "
            "Xu et al. 2018, AttnGAN, arXiv:1711.10485",
        )
    ]
