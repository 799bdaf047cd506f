"""The text encoder `plug-in-name`: the mean of words' vectors, then a non-linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, TextEncoderContext, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import TextEncoder

__all__ = ["PlugInNameOptions", "priorkit_text_encoders"]


class PlugInNameOptions(Options):
    """Options of the text encoder `plug-in-name`."""

    dim: int = Field(200, ge=1, le=65_536, description="dimensions of a caption's vector")
    length: int = Field(40, ge=1, le=4096, description="maximal number of words of a caption")


def _build(options: PlugInNameOptions, context: TextEncoderContext) -> TextEncoder:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.text_encoder import PlugInNameTextEncoder

    return PlugInNameTextEncoder(context.vocabulary, options.dim, options.length)


@hookimpl
def priorkit_text_encoders() -> list[Component[TextEncoder]]:
    """Supplies the text encoder `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="the mean of words' vectors, then a non-linear layer",
            source="after Iyyer et al. 2015, Deep unordered composition rivals syntactic methods, ACL 2015",
        )
    ]
