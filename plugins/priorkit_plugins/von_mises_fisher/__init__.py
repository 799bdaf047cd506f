"""Codes on the unit sphere: the von Mises-Fisher encoder, and priors that go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, EncoderContext, Options, PriorContext, hookimpl
from priorkit_plugins.option_bounds import require_order

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder, Prior

__all__ = [
    "UniformSphereOptions",
    "VonMisesFisherEncoderOptions",
    "VonMisesFisherPriorOptions",
    "priorkit_encoders",
    "priorkit_priors",
]

_SOURCE = "Davidson et al. 2018, Hyperspherical variational auto-encoders, arXiv:1804.00891"


class UniformSphereOptions(Options):
    """Options of the prior `uniform-sphere`: there are none."""


class VonMisesFisherPriorOptions(Options):
    """Options of the prior `von-mises-fisher`."""

    components: int = Field(1, ge=1, description="number of components of a mixture")
    concentration: float = Field(
        10.0, gt=0, description="kappa of every component: the larger, the closer to its mean direction"
    )
    learned: bool = Field(
        False,
        description="learn directions, concentrations and weights by likelihood; a single fixed component has "
        "the first axis as its mean direction, all others a random one",
    )


class VonMisesFisherEncoderOptions(Options):
    """Options of the encoder `von-mises-fisher`."""

    min_concentration: float = Field(0.1, gt=0, description="lower bound of the concentrations kappa")
    max_concentration: float = Field(1e5, gt=0, description="upper bound of the concentrations kappa")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        require_order("concentration", self.min_concentration, self.max_concentration)
        return self


def _check(code_dim: int) -> None:
    if code_dim < 2:
        raise ValueError(f"the unit sphere in {code_dim} dimension has two points; use --code-dim 2 or more")


def _uniform(options: UniformSphereOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.von_mises_fisher.uniform import UniformSpherePrior

    _check(context.code_dim)
    return UniformSpherePrior(context.code_dim)


def _prior(options: VonMisesFisherPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.von_mises_fisher.prior import VonMisesFisherPrior

    _check(context.code_dim)
    return VonMisesFisherPrior(context.code_dim, options.components, options.concentration, learned=options.learned)


def _encoder(options: VonMisesFisherEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit.interfaces import CodeKind
    from priorkit_plugins.von_mises_fisher.encoder import VonMisesFisherEncoder

    _check(context.code_dim)
    if context.codes.kind is not CodeKind.VECTOR:
        raise ValueError("its codes are vectors of length 1, not maps; leave out --code-size")
    return VonMisesFisherEncoder(
        context.networks.encoder(context.code_dim + 1),
        context.code_dim,
        (options.min_concentration, options.max_concentration),
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the priors `uniform-sphere` and `von-mises-fisher`."""
    return [
        Component(
            "uniform-sphere",
            UniformSphereOptions,
            _uniform,
            summary="the uniform distribution on the unit sphere",
            source=_SOURCE,
        ),
        Component(
            "von-mises-fisher",
            VonMisesFisherPriorOptions,
            _prior,
            summary="von Mises-Fisher distributions on the unit sphere: one or a mixture, fixed or learned",
            source=f"{_SOURCE}; Banerjee et al. 2005, Clustering on the unit hypersphere, JMLR 6",
        ),
    ]


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `von-mises-fisher`."""
    return [
        Component(
            "von-mises-fisher",
            VonMisesFisherEncoderOptions,
            _encoder,
            summary="a von Mises-Fisher distribution on the unit sphere for each image",
            source=_SOURCE,
        )
    ]
