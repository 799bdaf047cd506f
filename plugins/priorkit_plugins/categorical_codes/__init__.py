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
_CLASSES = "classes of each group; a code has --code-dim / classes groups; must be equal in encoder and prior"


class CategoricalPriorOptions(Options):
    """Options of the prior `categorical`."""

    classes: int = Field(10, ge=2, description=_CLASSES)
    learned: bool = Field(False, description="learn probabilities by likelihood; otherwise they are uniform")


class CategoricalEncoderOptions(Options):
    """Options of the encoder `categorical`."""

    classes: int = Field(10, ge=2, description=_CLASSES)
    temperature: float = Field(1.0, gt=0, description="initial temperature of the relaxation")
    min_temperature: float = Field(0.5, gt=0, description="final temperature of the relaxation")
    annealing: int = Field(
        0,
        ge=0,
        description="training passes of the encoder over which the temperature falls; 0: always min_temperature",
    )
    straight_through: bool = Field(
        False, description="make codes one-hot in training, too, with the gradient of the relaxation (straight-through)"
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.annealing and self.min_temperature > self.temperature:
            raise ValueError(
                f"min_temperature is {self.min_temperature} and temperature is {self.temperature}: it must not be "
                "below its final value"
            )
        return self


def _check(code_dim: int, classes: int, slot: str) -> None:
    if code_dim % classes:
        raise ValueError(
            f"a code of {code_dim} entries cannot be divided into groups of {classes} classes; use --code-dim "
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
        raise ValueError("its codes are vectors, not maps; leave out --code-size")
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
            summary="independent groups of classes, with uniform or learned probabilities",
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
            summary="groups of classes for each image, relaxed by the Gumbel-softmax in training",
            source=_SOURCE,
        )
    ]
