"""The encoder `example-vq`, the prior `recurrent`, and the recipe `example-vq-vae`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.plugins import Component, EncoderContext, Options, PriorContext, Recipe, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder, Prior

__all__ = [
    "RecurrentOptions",
    "VectorQuantisedOptions",
    "priorkit_encoders",
    "priorkit_priors",
    "priorkit_recipes",
]

_SOURCE = "van den Oord et al. 2017, Neural discrete representation learning, arXiv:1711.00937"


class VectorQuantisedOptions(Options):
    """Options of the encoder `example-vq`."""

    entries: int = Field(128, ge=2, le=65536, description="vectors in the codebook; 512 in the paper")
    commitment: float = Field(0.25, ge=0, description="weight of the commitment loss (beta of the paper)")


class RecurrentOptions(Options):
    """Options of the prior `recurrent`."""

    width: int = Field(128, ge=1, description="width of the recurrent network's state")


def _build_encoder(options: VectorQuantisedOptions, context: EncoderContext) -> Encoder:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_vq.encoder import VectorQuantisedEncoder

    return VectorQuantisedEncoder(
        context.networks.encoder(context.code_dim), context.codes, options.entries, options.commitment
    )


def _build_prior(options: RecurrentOptions, context: PriorContext) -> Prior:
    from priorkit_vq.prior import RecurrentPrior

    return RecurrentPrior(context.codes, options.width, context.condition_dim)


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `example-vq`."""
    summary = "the nearest vector of a learned codebook, at every position of a map"
    return [Component("example-vq", VectorQuantisedOptions, _build_encoder, summary=summary, source=_SOURCE)]


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `recurrent`."""
    summary = "indices of a codebook, drawn one after another by a recurrent network"
    return [Component("recurrent", RecurrentOptions, _build_prior, summary=summary, source=_SOURCE)]


@hookimpl
def priorkit_recipes() -> list[Recipe]:
    """Supplies the recipe `example-vq-vae`."""
    text = (Path(__file__).parent / "example-vq-vae.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)
    about = settings.pop("recipe")
    return [Recipe("example-vq-vae", about["summary"], about["source"], settings)]
