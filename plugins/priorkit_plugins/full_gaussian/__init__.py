"""A Gaussian prior fitted to the codes of a trained autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["FullGaussianOptions", "priorkit_priors"]


class FullGaussianOptions(Options):
    """Options of the prior `full-gaussian`."""

    diagonal: bool = Field(False, description="leave out the covariances between dimensions")
    ridge: float = Field(
        1e-4, ge=0, description="added to every variance, as a share of the mean variance: keeps the density finite"
    )


def _build(options: FullGaussianOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.full_gaussian.prior import FullGaussianPrior

    return FullGaussianPrior(context.code_dim, diagonal=options.diagonal, ridge=options.ridge)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `full-gaussian`."""
    return [
        Component(
            "full-gaussian",
            FullGaussianOptions,
            _build,
            summary="a normal distribution with the mean and covariance of all codes of a trained autoencoder",
            source="Ghosh et al. 2020, From variational to deterministic autoencoders, arXiv:1903.12436, Section 4",
        )
    ]
