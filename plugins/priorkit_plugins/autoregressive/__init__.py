"""Autoregressive priors: each entry of a code given the entries before it."""

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
        description="maps: one masked network over all entries, or a transformer over positions and a masked "
        "network over the channels of each",
    )
    hidden: int | None = Field(
        None,
        ge=1,
        description="vectors, maps: width of the masked network's hidden layers; by default 512, or 256 after a "
        "transformer",
    )
    blocks: int = Field(
        1, ge=0, description="vectors, maps: residual blocks of two layers each after the first hidden layer"
    )
    components: int = Field(
        8, ge=1, description="vectors, maps: components of the mixture that each entry is drawn from"
    )
    distribution: Literal["logistic", "normal"] = Field(
        "logistic", description="vectors, maps: distribution of each component"
    )
    layers: int = Field(4, ge=1, description="transformer: number of layers")
    width: int = Field(128, ge=1, description="transformer: width of the layers")
    heads: int = Field(4, ge=1, description="transformer: attention heads, a divisor of the width")
    dropout: float = Field(0.0, ge=0, lt=1, description="indices: dropout rate in the transformer's residual branches")

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"the width {self.width} cannot be split into {self.heads} heads: use a multiple of the number of "
                f"heads, such as {self.heads * max(1, round(self.width / self.heads))}"
            )
        return self


def _build(options: AutoregressiveOptions, context: PriorContext) -> Prior:
    from priorkit.interfaces import CodeKind

    codes = context.codes
    if codes.kind is CodeKind.INDICES:
        return _of_indices(options, context)
    # A map with a single position gives a transformer no context.
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
            summary="each entry of a code given the entries before it: a mixture from a masked network; for "
            "indices, and optionally for maps, a causal transformer over positions",
            source="Germain et al. 2015, MADE: Masked autoencoder for distribution estimation, arXiv:1502.03509; Chen "
            "et al. 2017, Variational lossy autoencoder, arXiv:1611.02731, for priors; Esser et al. 2021, Taming "
            "transformers for high-resolution image synthesis, arXiv:2012.09841, for indices",
        )
    ]
