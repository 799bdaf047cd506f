"""The reparameterised Gaussian encoder of VAEs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, EncoderContext, Options, hookimpl
from priorkit_plugins.option_bounds import require_order

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder

__all__ = ["GaussianEncoderOptions", "priorkit_encoders"]


class GaussianEncoderOptions(Options):
    """Options of the encoder `gaussian`."""

    min_log_variance: float = Field(-10.0, description="lower bound of the log-variances")
    max_log_variance: float = Field(10.0, description="upper bound of the log-variances")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        require_order("log_variance", self.min_log_variance, self.max_log_variance)
        return self


def _build(options: GaussianEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.gaussian_encoder.encoder import GaussianEncoder

    return GaussianEncoder(
        context.networks.encoder(2 * context.code_dim),
        context.code_dim,
        min_log_variance=options.min_log_variance,
        max_log_variance=options.max_log_variance,
    )


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `gaussian`."""
    return [
        Component(
            "gaussian",
            GaussianEncoderOptions,
            _build,
            summary="a normal distribution of codes for each image",
            source="Kingma and Welling 2013, Auto-encoding variational Bayes, arXiv:1312.6114, Section 2.4",
        )
    ]
