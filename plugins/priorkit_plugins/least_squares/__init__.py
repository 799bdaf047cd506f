"""The least-squares adversarial loss of LSGAN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import AdversarialLossContext, Component, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import AdversarialLoss

__all__ = ["LeastSquaresOptions", "priorkit_adversarial_losses"]


class LeastSquaresOptions(Options):
    """Options of the adversarial loss `least-squares`."""

    a: float = Field(0.0, description="the critic's target for generated samples")
    b: float = Field(1.0, description="the critic's target for real samples")
    c: float = Field(1.0, description="the generator's target for its own samples")


def _build(options: LeastSquaresOptions, context: AdversarialLossContext) -> AdversarialLoss:
    from priorkit_plugins.least_squares.loss import LeastSquaresLoss

    return LeastSquaresLoss(options.a, options.b, options.c)


@hookimpl
def priorkit_adversarial_losses() -> list[Component[AdversarialLoss]]:
    """Supplies the adversarial loss `least-squares`."""
    return [
        Component(
            "least-squares",
            LeastSquaresOptions,
            _build,
            summary="squared distance of the critic's output from a target for each kind of sample (LSGAN)",
            source="Mao et al. 2017, Least squares generative adversarial networks, arXiv:1611.04076, Eq. 2",
        )
    ]
