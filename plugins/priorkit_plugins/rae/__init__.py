"""The regularizers of regularised autoencoders: small codes, and a smooth decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["RAEOptions", "priorkit_regularizers"]


class RAEOptions(WeightScheduleOptions):
    """Options of the regularizer `rae`."""

    weight: float = Field(0.1, gt=0, description="weight of half the squared norm of codes (the paper's beta)")
    decoder: Literal["l2", "gradient", "none"] = Field(
        "l2",
        description="smoothness term of the decoder: its weights' squared norm (RAE-L2), its squared gradient at codes "
        "(RAE-GP), or none, as with layers of spectral norm 1 (RAE-SN: --networks.decoder-spectral-norm)",
    )
    decoder_weight: float = Field(1e-3, ge=0, description="weight of the smoothness term (the paper's lambda)")


def _build(options: RAEOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.rae.regularizer import GradientRAERegularizer, L2RAERegularizer, RAERegularizer

    match options.decoder:
        case "l2":
            return L2RAERegularizer(options.weight, options.decoder_weight, options.schedule)
        case "gradient":
            code_dim = context.code_dim
            return GradientRAERegularizer(options.weight, options.decoder_weight, code_dim, options.schedule)
        case "none":
            return RAERegularizer(options.weight, options.schedule)


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `rae`."""
    return [
        Component(
            "rae",
            RAEOptions,
            _build,
            summary="small codes and a smooth decoder, for a prior that is fitted to the codes afterwards",
            source="Ghosh et al. 2020, From variational to deterministic autoencoders, arXiv:1903.12436, Eq. 11",
        )
    ]
