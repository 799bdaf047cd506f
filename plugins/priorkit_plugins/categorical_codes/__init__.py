"""Discrete codes: groups of classes, by the Gumbel-softmax relaxation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, EncoderContext, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Encoder, Prior

__all__ = ["CategoricalEncoderOptions", "CategoricalPriorOptions", "priorkit_encoders", "priorkit_priors"]

_SOURCE = (
    "Jang et al. 2017, Categorical reparameterization with Gumbel-softmax, arXiv:1611.01144; Maddison et al. 2017, The "
    "concrete distribution, arXiv:1611.00712"
)
_CLASSES = "classes of each group; a code has --code-dim / classes groups; of encoder and prior the same"


class CategoricalPriorOptions(Options):
    """Options of the prior `categorical`."""

    classes: int = Field(10, ge=2, description=_CLASSES)
    learned: bool = Field(False, description="whether probabilities learn by likelihood; otherwise they are all alike")


class CategoricalEncoderOptions(Options):
    """Options of the encoder `categorical`."""

    classes: int = Field(10, ge=2, description=_CLASSES)
    temperature: float = Field(1.0, gt=0, description="of the relaxation at the start, if it falls")
    min_temperature: float = Field(0.5, gt=0, description="of the relaxation at the end")
    annealing: int = Field(
        0,
        ge=0,
        description="the encoder's passes in training over which the temperature falls; 0: it is min_temperature",
    )
    straight_through: bool = Field(
        False, description="whether codes are one-hot in training, too, with the gradient of the relaxation"
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.annealing and self.min_temperature > self.temperature:
            raise ValueError(
                f"min_temperature is {self.min_temperature} and temperature is {self.temperature}: it must not be "
                "below the end that it falls to"
            )
        return self


def _check(code_dim: int, classes: int, slot: str) -> None:
    if code_dim % classes:
        raise ValueError(
            f"a code of {code_dim} entries has no whole number of groups of {classes} classes; use --code-dim "
            f"{max(code_dim // classes, 1) * classes}, or other --{slot}.classes"
        )


def _prior(options: CategoricalPriorOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.categorical_codes.prior import CategoricalPrior

    _check(context.code_dim, options.classes, "prior")
    return CategoricalPrior(context.code_dim, options.classes, learned=options.learned)


def _encoder(options: CategoricalEncoderOptions, context: EncoderContext) -> Encoder:
    from priorkit.interfaces import CodeKind
    from priorkit_plugins.categorical_codes.encoder import CategoricalEncoder

    if context.codes.kind is not CodeKind.VECTOR:
        raise ValueError("its codes are vectors of groups of classes, no maps; leave out --code-size")
    _check(context.code_dim, options.classes, "encoder")
    return CategoricalEncoder(
        context.networks.encoder(context.code_dim),
        context.code_dim,
        options.classes,
        temperatures=(options.temperature, options.min_temperature),
        annealing=options.annealing,
        straight_through=options.straight_through,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `categorical`."""
    return [
        Component(
            "categorical",
            CategoricalPriorOptions,
            _prior,
            summary="independent groups of classes, all alike or with learned probabilities",
            source=_SOURCE,
        )
    ]


@hookimpl
def priorkit_encoders() -> list[Component[Encoder]]:
    """Supplies the encoder `categorical`."""
    return [
        Component(
            "categorical",
            CategoricalEncoderOptions,
            _encoder,
            summary="groups of classes for each image, relaxed by the Gumbel-softmax while it trains",
            source=_SOURCE,
        )
    ]
