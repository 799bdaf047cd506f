"""Codes on the simplex (shares that sum to 1): Dirichlet and logistic normal encoders and priors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, EncoderContext, Options, PriorContext, hookimpl
from priorkit_plugins.option_bounds import require_order

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder, Prior

__all__ = [
    "DirichletEncoderOptions",
    "DirichletPriorOptions",
    "LogisticNormalEncoderOptions",
    "LogisticNormalPriorOptions",
    "priorkit_encoders",
    "priorkit_priors",
]

_DIRICHLET = "Joo et al. 2019, Dirichlet variational autoencoder, arXiv:1901.02739"
_LOGISTIC_NORMAL = "Srivastava and Sutton 2017, Autoencoding variational inference for topic models, arXiv:1703.01488"


class DirichletPriorOptions(Options):
    """Options of the prior `dirichlet`."""

    concentration: float = Field(
        1.0,
        ge=0.01,
        le=1e4,
        description="concentration of every entry: 1 for a uniform density, less for few large entries",
    )


class LogisticNormalPriorOptions(Options):
    """Options of the prior `logistic-normal`."""

    std: float = Field(1.0, gt=0, description="standard deviation of every entry before the softmax")


class DirichletEncoderOptions(Options):
    """Options of the encoder `dirichlet`."""

    min_concentration: float = Field(0.1, ge=0.01, lt=1e4, description="lower bound of the concentrations")
    max_concentration: float = Field(1000.0, gt=0.01, le=1e4, description="upper bound of the concentrations")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        require_order("concentration", self.min_concentration, self.max_concentration)
        return self


class LogisticNormalEncoderOptions(Options):
    """Options of the encoder `logistic-normal`."""

    min_log_variance: float = Field(-10.0, description="lower bound of the log-variances")
    max_log_variance: float = Field(10.0, description="upper bound of the log-variances")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        require_order("log_variance", self.min_log_variance, self.max_log_variance)
        return self


def _check_codes(context: PriorContext | EncoderContext) -> int:
    if context.code_dim < 2:
        raise ValueError(f"shares of {context.code_dim} entry are always 1; use --code-dim 2 or more")
    return context.code_dim


def _check_encoder(context: EncoderContext) -> int:
    from priorkit.interfaces import CodeKind

    if context.codes.kind is not CodeKind.VECTOR:
        raise ValueError("its codes are vectors of shares, not maps; leave out --code-size")
    return _check_codes(context)


def _dirichlet_prior(options: DirichletPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.simplex.priors import DirichletPrior

    return DirichletPrior(_check_codes(context), options.concentration)


def _logistic_normal_prior(options: LogisticNormalPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.simplex.priors import LogisticNormalPrior

    return LogisticNormalPrior(_check_codes(context), options.std)


def _dirichlet_encoder(options: DirichletEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.simplex.encoders import DirichletEncoder

    dim = _check_encoder(context)
    bounds = (options.min_concentration, options.max_concentration)
    return DirichletEncoder(context.networks.encoder(dim), dim, bounds)


def _logistic_normal_encoder(options: LogisticNormalEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit_plugins.simplex.encoders import LogisticNormalEncoder

    dim = _check_encoder(context)
    bounds = (options.min_log_variance, options.max_log_variance)
    return LogisticNormalEncoder(context.networks.encoder(2 * dim), dim, bounds)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the priors `dirichlet` and `logistic-normal`."""
    return [
        Component(
            "dirichlet",
            DirichletPriorOptions,
            _dirichlet_prior,
            summary="a symmetric Dirichlet distribution: codes whose entries are shares",
            source=_DIRICHLET,
        ),
        Component(
            "logistic-normal",
            LogisticNormalPriorOptions,
            _logistic_normal_prior,
            summary="the softmax of normal numbers: codes whose entries are shares",
            source=_LOGISTIC_NORMAL,
        ),
    ]


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoders `dirichlet` and `logistic-normal`."""
    return [
        Component(
            "dirichlet",
            DirichletEncoderOptions,
            _dirichlet_encoder,
            summary="a Dirichlet distribution of shares for each image",
            source=f"{_DIRICHLET}; Figurnov et al. 2018, Implicit reparameterization gradients, arXiv:1805.08498",
        ),
        Component(
            "logistic-normal",
            LogisticNormalEncoderOptions,
            _logistic_normal_encoder,
            summary="the softmax of a normal distribution for each image",
            source=_LOGISTIC_NORMAL,
        ),
    ]
