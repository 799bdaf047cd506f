"""The text encoder `sentence-transformer`: a language model for sentences, from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from priorkit.errors import ConfigurationError
from priorkit.plugins import Component, Options, TextEncoderContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import TextEncoder

__all__ = ["SentenceTransformerOptions", "priorkit_text_encoders"]


class SentenceTransformerOptions(Options):
    """Options of the text encoder `sentence-transformer`."""

    path: Path | None = Field(None, description="folder of a model saved by sentence-transformers; required")
    dim: int | None = Field(
        None, ge=1, description="dimensions of a caption's vector: the first ones of the model's (none: all)"
    )
    length: int = Field(
        64,
        ge=3,
        le=4096,
        description="maximal number of tokens of a caption, with two that mark its ends; longer captions are cut off",
    )

    @field_validator("path")
    @classmethod
    def _found_from_anywhere(cls, path: Path | None) -> Path | None:
        # Runs may be resumed from another working directory.
        return path.expanduser().absolute() if path is not None else None


def _build(options: SentenceTransformerOptions, context: TextEncoderContext) -> TextEncoder:
    if options.path is None:
        raise ConfigurationError(
            "--text-encoder sentence-transformer: needs a model, and priorkit downloads none; name the folder of "
            "one with --text-encoder.path"
        )
    from priorkit_plugins.sentence_transformer.encoder import SentenceTransformerEncoder
    from priorkit_plugins.sentence_transformer.model_folder import read_model

    return SentenceTransformerEncoder(read_model(options.path), options.path, options.dim, options.length)


@hookimpl
def priorkit_text_encoders() -> list[Component[TextEncoder]]:
    """Supplies the text encoder `sentence-transformer`."""
    return [
        Component(
            "sentence-transformer",
            SentenceTransformerOptions,
            _build,
            summary="a pretrained language model for sentences, from a folder (needs the extra "
            "`sentence-transformers`)",
            source="Reimers and Gurevych 2019, Sentence-BERT, arXiv:1908.10084",
        )
    ]
