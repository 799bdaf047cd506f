"""Autoregressive priors: each number of a code given those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior
    from priorkit_plugins.autoregressive.transformer import CausalTransformer
    from priorkit_plugins.masked_network import MaskedNetwork

__all__ = ["AutoregressiveOptions", "priorkit_priors"]


class AutoregressiveOptions(Options):
    """Options of the prior `autoregressive`."""

    maps: Literal["masked", "transformer"] = Field(
        "masked",
        description="of maps: one masked network of all their numbers, or a transformer of the places, and a masked "
        "network of the channels of each",
    )
    hidden: int | None = Field(
        None,
        ge=1,
        description="of numbers: width of the masked network's hidden layers; by default 512, or 256 behind a "
        "transformer",
    )
    blocks: int = Field(
        1, ge=0, description="of numbers: its residual blocks of two layers each behind the first hidden layer"
    )
    components: int = Field(8, ge=1, description="of numbers: parts of the mixture that each number is drawn from")
    distribution: Literal["logistic", "normal"] = Field("logistic", description="of numbers: distribution of each part")
    layers: int = Field(4, ge=1, description="of transformers: number of layers")
    width: int = Field(128, ge=1, description="of transformers: width of its layers")
    heads: int = Field(4, ge=1, description="of transformers: heads of its attention, a divisor of the width")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="of indices: share of the numbers that its layers add which training leaves out"
    )

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"the width {self.width} is shared out among {self.heads} heads: use a width that is a multiple of "
                f"that, such as {self.heads * max(1, round(self.width / self.heads))}"
            )
        return self


def _build(options: AutoregressiveOptions, context: PriorContext) -> Prior:
    from priorkit.interfaces import CodeKind

    codes = context.codes
    if codes.kind is CodeKind.INDICES:
        return _of_indices(options, context)
    # A map of a single place has nothing for a transformer to see.
    if options.maps == "transformer" and codes.kind is CodeKind.MAP and codes.dim > codes.shape[0]:
        return _of_maps(options, context)
    return _of_vectors(options, context)


def _of_indices(options: AutoregressiveOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.autoregressive.of_indices import IndexTransformerPrior

    return IndexTransformerPrior(
        context.codes, _transformer(options, context.codes.dim, context.condition_dim), dropout=options.dropout
    )


def _of_maps(options: AutoregressiveOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.autoregressive.of_maps import MapTransformerPrior

    channels, height, width = context.codes.shape
    return MapTransformerPrior(
        context.codes,
        _transformer(options, height * width, context.condition_dim),
        _masked_network(options, channels, options.width, hidden=256),
        distribution=options.distribution,
    )


def _of_vectors(options: AutoregressiveOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.autoregressive.masked import MaskedPrior

    network = _masked_network(options, context.code_dim, context.condition_dim, hidden=512)
    return MaskedPrior(network, distribution=options.distribution)


def _transformer(options: AutoregressiveOptions, places: int, condition_dim: int) -> CausalTransformer:
    from priorkit_plugins.autoregressive.transformer import CausalTransformer

    return CausalTransformer(places, condition_dim, layers=options.layers, width=options.width, heads=options.heads)


def _masked_network(options: AutoregressiveOptions, dim: int, condition_dim: int, *, hidden: int) -> MaskedNetwork:
    from priorkit_plugins.autoregressive.scalar_mixtures import parameters_of
    from priorkit_plugins.masked_network import MaskedNetwork

    return MaskedNetwork(
        dim,
        condition_dim,
        outputs=parameters_of(options.components),
        hidden=options.hidden or hidden,
        blocks=options.blocks,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `autoregressive`."""
    return [
        Component(
            "autoregressive",
            AutoregressiveOptions,
            _build,
            summary="each number of a code given those before it: from a mixture that a masked network gives; of "
            "indices, and of maps by choice, a causal transformer of the places",
            source="Germain et al. 2015, MADE: Masked autoencoder for distribution estimation, arXiv:1502.03509; Chen "
            "et al. 2017, Variational lossy autoencoder, arXiv:1611.02731, for priors; Esser et al. 2021, Taming "
            "transformers for high-resolution image synthesis, arXiv:2012.09841, for indices",
        )
    ]
