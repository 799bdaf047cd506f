"""The uniform prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["UniformOptions", "priorkit_priors"]


class UniformOptions(Options):
    """Options of the prior `uniform`."""

    low: float = Field(-1.0, description="lower bound of every dimension of the code")
    high: float = Field(1.0, description="upper bound of every dimension of the code")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}: low must be below high")
        return self


def _build(options: UniformOptions, context: PriorContext) -> Prior:
    from priorkit.interfaces import CodeKind
    from priorkit_plugins.uniform.indices import UniformIndicesPrior
    from priorkit_plugins.uniform.prior import UniformPrior

    if context.codes.kind is CodeKind.INDICES:
        if options != UniformOptions():
            raise ValueError("indices of a codebook have no bounds; leave out --prior.low and --prior.high")
        return UniformIndicesPrior(context.codes)
    return UniformPrior(context.code_dim, options.low, options.high)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `uniform`."""
    return [
        Component(
            "uniform",
            UniformOptions,
            _build,
            summary="a box: independent uniform dimensions; for indices, all entries of the codebook equally likely",
            source="Makhzani et al. 2015, Adversarial autoencoders, arXiv:1511.05644; of indices, van den Oord et al. "
            "2017, arXiv:1711.00937",
        )
    ]
