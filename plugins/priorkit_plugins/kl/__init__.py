"""The Kullback-Leibler regularizer of VAEs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, RegularizerContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["KLOptions", "priorkit_regularizers"]


class KLOptions(Options):
    """Options of the regularizer `kl`."""

    weight: float = Field(1.0, gt=0, description="weight of the divergence (beta of a beta-VAE)")
    warm_up: int = Field(0, ge=0, description="steps over which the weight rises from 0 to its value; 0 for none")


def _build(options: KLOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.kl.regularizer import KLRegularizer

    return KLRegularizer(options.weight, options.warm_up)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `kl`."""
    return [
        Component(
            "kl",
            KLOptions,
            _build,
            summary="KL(q(code|x) || p(code)): closed form where there is one, one-sample estimate otherwise",
            source="Kingma and Welling 2013, arXiv:1312.6114; Eq. 2 of Wang et al. 2020",
        )
    ]
