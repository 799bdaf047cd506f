"""The condition and Gaussian noise as the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["LabelledGaussianOptions", "priorkit_priors"]


class LabelledGaussianOptions(Options):
    """Options of the prior `labelled-gaussian`: none."""


def _build(options: LabelledGaussianOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.labelled_gaussian.prior import LabelledGaussianPrior

    if not context.condition_dim:
        raise ValueError("its codes are [s; z], and there is no s; use --condition labels or another condition")
    if context.code_dim <= context.condition_dim:
        raise ValueError(
            f"its codes are [s; z], and s alone has {context.condition_dim} dimensions, which leaves none of "
            f"{context.code_dim} for z; use --code-dim {context.condition_dim + 1} or more"
        )
    return LabelledGaussianPrior(context.code_dim, context.condition_dim)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `labelled-gaussian`."""
    return [
        Component(
            "labelled-gaussian",
            LabelledGaussianOptions,
            _build,
            summary="[s; z] itself as the code: the condition and a standard normal distribution",
            source="Wang, Peng and Ko 2020, Learning priors for adversarial autoencoders, baselines of Figs. 10 and 12",
        )
    ]
