"""Laplace and logistic codes: priors, and encoders with such posteriors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, EncoderContext, Options, PriorContext, hookimpl
from priorkit_plugins.option_bounds import require_order

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder, Prior

__all__ = ["HeavyTailedEncoderOptions", "HeavyTailedPriorOptions", "priorkit_encoders", "priorkit_priors"]

_LAPLACE = "Kotz, Kozubowski and Podgorski 2001, The Laplace distribution and generalizations"
_LOGISTIC = "Balakrishnan 1991, Handbook of the logistic distribution"


class HeavyTailedPriorOptions(Options):
    """Options of the priors `laplace` and `logistic`."""

    location: float = Field(0.0, description="mean of every dimension of the code")
    scale: float = Field(
        1.0,
        gt=0,
        description="scale of every dimension; the standard deviation is sqrt(2) times that of `laplace`, and "
        "pi / sqrt(3) times that of `logistic`",
    )


class HeavyTailedEncoderOptions(Options):
    """Options of the encoders `laplace` and `logistic`."""

    min_log_scale: float = Field(-5.0, description="lower bound of the logarithms of the scales")
    max_log_scale: float = Field(5.0, description="upper bound of the logarithms of the scales")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        require_order("log_scale", self.min_log_scale, self.max_log_scale)
        return self


def _laplace_prior(options: HeavyTailedPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.heavy_tails.laws import LaplaceLaw
    from priorkit_plugins.heavy_tails.prior import HeavyTailedPrior

    return HeavyTailedPrior(LaplaceLaw(), context.code_dim, options.location, options.scale)


def _logistic_prior(options: HeavyTailedPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.heavy_tails.laws import LogisticLaw
    from priorkit_plugins.heavy_tails.prior import HeavyTailedPrior

    return HeavyTailedPrior(LogisticLaw(), context.code_dim, options.location, options.scale)


def _laplace_encoder(options: HeavyTailedEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.heavy_tails.encoder import HeavyTailedEncoder
    from priorkit_plugins.heavy_tails.laws import LaplaceLaw

    bounds = (options.min_log_scale, options.max_log_scale)
    return HeavyTailedEncoder(
        LaplaceLaw(), context.networks.encoder(2 * context.code_dim), context.code_dim, log_scales=bounds
    )


def _logistic_encoder(options: HeavyTailedEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.heavy_tails.encoder import HeavyTailedEncoder
    from priorkit_plugins.heavy_tails.laws import LogisticLaw

    bounds = (options.min_log_scale, options.max_log_scale)
    return HeavyTailedEncoder(
        LogisticLaw(), context.networks.encoder(2 * context.code_dim), context.code_dim, log_scales=bounds
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the priors `laplace` and `logistic`."""
    return [
        Component(
            "laplace",
            HeavyTailedPriorOptions,
            _laplace_prior,
            summary="independent Laplace dimensions: most entries close to the centre, few far from it",
            source=_LAPLACE,
        ),
        Component(
            "logistic",
            HeavyTailedPriorOptions,
            _logistic_prior,
            summary="independent logistic dimensions: a bell with heavier tails",
            source=_LOGISTIC,
        ),
    ]


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoders `laplace` and `logistic`."""
    return [
        Component(
            "laplace",
            HeavyTailedEncoderOptions,
            _laplace_encoder,
            summary="a distribution of codes with independent Laplace dimensions for each image",
            source=_LAPLACE,
        ),
        Component(
            "logistic",
            HeavyTailedEncoderOptions,
            _logistic_encoder,
            summary="a distribution of codes with independent logistic dimensions for each image",
            source=_LOGISTIC,
        ),
    ]
