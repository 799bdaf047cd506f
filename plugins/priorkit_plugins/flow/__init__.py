"""Normalising flows as priors, by zuko."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["FlowOptions", "priorkit_priors"]


class FlowOptions(Options):
    """Options of the prior `flow`."""

    kind: Literal["realnvp", "coupling-nsf", "maf", "nsf"] = Field(
        "realnvp",
        description="affine (realnvp, maf) or spline (coupling-nsf, nsf) transforms; maf and nsf are autoregressive, "
        "and need one pass for each dimension of a sample",
    )
    transforms: int = Field(4, ge=1, description="number of transforms")
    hidden: tuple[int, ...] = Field((128, 128), min_length=1, description="widths of the hidden layers of each")


def _build(options: FlowOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.flow.prior import FlowPrior
    from priorkit_plugins.flow.transforms import make_transform

    if any(width < 1 for width in options.hidden):
        raise ValueError(f"hidden is {','.join(map(str, options.hidden))}: every width must be at least 1")
    transform = make_transform(
        options.kind, context.code_dim, context.condition_dim, transforms=options.transforms, hidden=options.hidden
    )
    return FlowPrior(transform, context.codes, context.condition_dim)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `flow`."""
    return [
        Component(
            "flow",
            FlowOptions,
            _build,
            summary="a normalising flow that learns by likelihood (needs the extra `flows`)",
            source="Dinh et al. 2017, Real NVP, arXiv:1605.08803; Papamakarios et al. 2017, MAF, arXiv:1705.07057; "
            "Durkan et al. 2019, Neural spline flows, arXiv:1906.04032; Chen et al. 2017, arXiv:1611.02731, for priors",
        )
    ]
