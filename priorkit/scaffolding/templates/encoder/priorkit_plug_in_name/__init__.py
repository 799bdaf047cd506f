"""The encoder `plug-in-name`: codes with noise of constant variance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, EncoderContext, Options, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["PlugInNameOptions", "priorkit_encoders"]


class PlugInNameOptions(Options):
    """Options of the encoder `plug-in-name`."""

    std: float = Field(0.2, gt=0, description="standard deviation of every dimension of a code")


def _build(options: PlugInNameOptions, context: EncoderContext) -> Encoder:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.encoder import PlugInNameEncoder

    return PlugInNameEncoder(context.networks.encoder(context.code_dim), context.code_dim, options.std)


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="a normal distribution of codes whose variance is the same for all images",
            source="the constant-variance VAE of Ghosh et al. 2020, arXiv:1903.12436",
        )
    ]
