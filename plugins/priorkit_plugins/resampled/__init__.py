"""Resampled priors: a normal distribution with a learned acceptance probability (LARS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["ResampledOptions", "priorkit_priors"]


class ResampledOptions(Options):
    """Options of the prior `resampled`."""

    base: Literal["gaussian", "full-gaussian"] = Field(
        "full-gaussian", description="distribution of the proposals: normal with independent dimensions, or any normal"
    )
    hidden: int = Field(256, ge=1, description="width of the acceptance's hidden layers")
    layers: int = Field(2, ge=1, description="number of hidden layers of the acceptance network")
    truncation: int = Field(100, ge=1, description="T: the T-th proposal is always accepted")
    draws: int = Field(
        1024, ge=1, description="draws of the base in each training step, for the gradient of the mean acceptance"
    )
    smoothing: float = Field(
        0.05, gt=0, le=1, description="weight of a step in the moving average of the mean acceptance"
    )
    constant_draws: int = Field(
        16384, ge=1, description="fixed draws of the base that estimate the mean acceptance after training"
    )


def _build(options: ResampledOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.gaussian_base import GaussianBase
    from priorkit_plugins.resampled.prior import ResampledPrior
    from priorkit_plugins.scalar_network import ScalarNetwork

    if context.condition_dim != context.classes:
        raise ValueError(
            "has a mean acceptance for each class, so the condition must be a class; use --condition labels, or none"
        )
    return ResampledPrior(
        GaussianBase(context.code_dim, full=options.base == "full-gaussian"),
        ScalarNetwork(context.code_dim, context.condition_dim, hidden=options.hidden, layers=options.layers),
        truncation=options.truncation,
        draws=options.draws,
        smoothing=options.smoothing,
        constant_draws=options.constant_draws,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `resampled`."""
    return [
        Component(
            "resampled",
            ResampledOptions,
            _build,
            summary="a normal distribution whose draws are accepted with a learned probability (LARS)",
            source="Bauer and Mnih 2019, Resampled priors for variational autoencoders, arXiv:1810.11428; Stimper et "
            "al. 2022, arXiv:2110.15828, for a base that is learned too",
        )
    ]
