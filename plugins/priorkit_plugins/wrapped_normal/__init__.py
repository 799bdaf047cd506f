"""Codes in hyperbolic space: the wrapped normal encoder and prior on the Poincare ball."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, EncoderContext, Options, PriorContext, hookimpl
from priorkit_plugins.option_bounds import require_order

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder, Prior

__all__ = ["WrappedNormalEncoderOptions", "WrappedNormalPriorOptions", "priorkit_encoders", "priorkit_priors"]

_SOURCE = (
    "Nagano et al. 2019, A wrapped normal distribution on hyperbolic space, arXiv:1902.02992; Mathieu et al. 2019, "
    "Continuous hierarchical representations with Poincare VAEs, arXiv:1901.06033"
)
_CURVATURE = "c: the ball has curvature -c and radius 1 / sqrt(c); must be equal in encoder and prior"


class WrappedNormalPriorOptions(Options):
    """Options of the prior `wrapped-normal`."""

    curvature: float = Field(1.0, gt=0, description=_CURVATURE)
    std: float = Field(1.0, gt=0, description="standard deviation of every dimension of the tangent vectors")


class WrappedNormalEncoderOptions(Options):
    """Options of the encoder `wrapped-normal`."""

    curvature: float = Field(1.0, gt=0, description=_CURVATURE)
    min_log_variance: float = Field(-10.0, description="lower bound of the log-variances")
    max_log_variance: float = Field(4.0, description="upper bound of the log-variances")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        require_order("log_variance", self.min_log_variance, self.max_log_variance)
        return self


def _prior(options: WrappedNormalPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.wrapped_normal.prior import WrappedNormalPrior

    return WrappedNormalPrior(context.code_dim, options.curvature, options.std)


def _encoder(options: WrappedNormalEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.wrapped_normal.encoder import WrappedNormalEncoder

    return WrappedNormalEncoder(
        context.networks.encoder(2 * context.code_dim),
        context.code_dim,
        options.curvature,
        log_variances=(options.min_log_variance, options.max_log_variance),
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `wrapped-normal`."""
    return [
        Component(
            "wrapped-normal",
            WrappedNormalPriorOptions,
            _prior,
            summary="a normal distribution wrapped around the Poincare ball: hyperbolic codes",
            source=_SOURCE,
        )
    ]


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `wrapped-normal`."""
    return [
        Component(
            "wrapped-normal",
            WrappedNormalEncoderOptions,
            _encoder,
            summary="a wrapped normal distribution on the Poincare ball for each image",
            source=_SOURCE,
        )
    ]
