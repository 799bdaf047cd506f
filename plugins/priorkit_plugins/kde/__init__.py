"""The prior `kde`: a kernel density estimate of the codes of a trained autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["KdeOptions", "priorkit_priors"]


class KdeOptions(Options):
    """Options of the prior `kde`."""

    kernels: int | None = Field(
        None,
        ge=1,
        description="number of kernels, around codes of random training images; by default all",
    )
    bandwidth: float | None = Field(
        None,
        gt=0,
        description="standard deviation of the kernel, relative to each dimension's; by default found by the rule",
    )
    rule: Literal["likelihood", "scott", "silverman"] = Field(
        "likelihood",
        description="rule for the bandwidth: likelihood of held-out codes, or a formula for "
        "normal codes, which is too wide for other codes",
    )


def _build(options: KdeOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.kde.prior import KdePrior

    count = options.kernels or context.train_count
    if count > context.train_count:
        raise ValueError(
            f"there are {context.train_count} training images, too few for {count} kernels; use --prior.kernels "
            f"{context.train_count}, or leave it out"
        )
    return KdePrior(context.code_dim, count, context.classes, bandwidth=options.bandwidth, rule=options.rule)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `kde`."""
    return [
        Component(
            "kde",
            KdeOptions,
            _build,
            summary="a kernel density estimate: Gaussians around the codes of training images",
            source="Parzen 1962, On estimation of a probability density function and mode; Scott 1992, Multivariate "
            "density estimation, Section 6.3",
        )
    ]
