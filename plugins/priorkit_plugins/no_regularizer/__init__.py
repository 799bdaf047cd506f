"""No regularizer: a plain autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, RegularizerContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["NoRegularizerOptions", "priorkit_regularizers"]


class NoRegularizerOptions(Options):
    """Options of the regularizer `none`: none."""


def _build(options: NoRegularizerOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.no_regularizer.regularizer import NoRegularizer

    return NoRegularizer()


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `none`."""
    return [
        Component(
            "none",
            NoRegularizerOptions,
            _build,
            summary="does nothing: a plain autoencoder",
            source="Hinton and Salakhutdinov 2006, Reducing the dimensionality of data with neural networks",
        )
    ]
