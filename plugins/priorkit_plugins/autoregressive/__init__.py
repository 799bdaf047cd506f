"""Autoregressive priors: each number of a code given those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["AutoregressiveOptions", "priorkit_priors"]


class AutoregressiveOptions(Options):
    """Options of the prior `autoregressive`."""

    hidden: int = Field(512, ge=1, description="of numbers: width of the masked network's hidden layers")
    blocks: int = Field(
        1, ge=0, description="of numbers: its residual blocks of two layers each behind the first hidden layer"
    )
    components: int = Field(8, ge=1, description="of numbers: parts of the mixture that each number is drawn from")
    distribution: Literal["logistic", "normal"] = Field("logistic", description="of numbers: distribution of each part")
    layers: int = Field(4, ge=1, description="of indices: layers of the transformer")
    width: int = Field(128, ge=1, description="of indices: width of its layers")
    heads: int = Field(4, ge=1, description="of indices: heads of its attention, a divisor of the width")
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

    return _of_indices(options, context) if context.codes.kind is CodeKind.INDICES else _of_numbers(options, context)


def _of_indices(options: AutoregressiveOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.autoregressive.of_indices import IndexTransformerPrior
    from priorkit_plugins.autoregressive.transformer import CausalTransformer

    transformer = CausalTransformer(
        context.codes.dim, context.condition_dim, layers=options.layers, width=options.width, heads=options.heads
    )
    return IndexTransformerPrior(context.codes, transformer, dropout=options.dropout)


def _of_numbers(options: AutoregressiveOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.autoregressive.masked import MaskedPrior
    from priorkit_plugins.masked_network import MaskedNetwork

    network = MaskedNetwork(
        context.code_dim,
        context.condition_dim,
        outputs=MaskedPrior.outputs(options.components),
        hidden=options.hidden,
        blocks=options.blocks,
    )
    return MaskedPrior(network, distribution=options.distribution)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `autoregressive`."""
    return [
        Component(
            "autoregressive",
            AutoregressiveOptions,
            _build,
            summary="each number of a code given those before it: from a mixture that a masked network gives; of "
            "indices, by a causal transformer",
            source="Germain et al. 2015, MADE: Masked autoencoder for distribution estimation, arXiv:1502.03509; Chen "
            "et al. 2017, Variational lossy autoencoder, arXiv:1611.02731, for priors; Esser et al. 2021, Taming "
            "transformers for high-resolution image synthesis, arXiv:2012.09841, for indices",
        )
    ]
