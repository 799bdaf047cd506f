"""The Gaussian prior of VAEs and AAEs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["GaussianOptions", "priorkit_priors"]


class GaussianOptions(Options):
    """Options of the prior `gaussian`."""

    mean: float = Field(0.0, description="mean of every dimension of the code")
    std: float = Field(1.0, gt=0, description="standard deviation of every dimension of the code")


def _build(options: GaussianOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.gaussian.prior import GaussianPrior

    return GaussianPrior(context.code_dim, mean=options.mean, std=options.std)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `gaussian`."""
    return [
        Component(
            "gaussian",
            GaussianOptions,
            _build,
            summary="an isotropic normal distribution",
            source="Kingma and Welling 2013, arXiv:1312.6114; Makhzani et al. 2015, arXiv:1511.05644",
        )
    ]
