"""Autoregressive priors: each number of a code given those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["AutoregressiveOptions", "priorkit_priors"]


class AutoregressiveOptions(Options):
    """Options of the prior `autoregressive`."""

    hidden: int = Field(512, ge=1, description="width of the hidden layers")
    blocks: int = Field(1, ge=0, description="residual blocks of two layers each behind the first hidden layer")
    components: int = Field(8, ge=1, description="parts of the mixture that each number is drawn from")
    distribution: Literal["logistic", "normal"] = Field("logistic", description="distribution of each part")


def _build(options: AutoregressiveOptions, context: PriorContext) -> Prior:
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
            summary="each number of a code from a mixture that a masked network gives from those before it",
            source="Germain et al. 2015, MADE: Masked autoencoder for distribution estimation, arXiv:1502.03509; Chen "
            "et al. 2017, Variational lossy autoencoder, arXiv:1611.02731, for priors",
        )
    ]
