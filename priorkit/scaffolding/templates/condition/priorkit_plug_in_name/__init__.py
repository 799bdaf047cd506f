"""The condition `plug-in-name`: a random class with given frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from priorkit.plugins import Component, ConditionContext, Options, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import Condition

__all__ = ["PlugInNameOptions", "priorkit_conditions"]


class PlugInNameOptions(Options):
    """Options of the condition `plug-in-name`."""

    frequencies: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = Field(
        (0.4, 0.3, 0.2, 0.1), min_length=2, description="frequencies of the classes; only their ratios matter"
    )
    weight: float = Field(1.0, gt=0, description="weight of the mutual information in the generator's loss")


def _build(options: PlugInNameOptions, context: ConditionContext) -> Condition:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.condition import PlugInNameCondition

    return PlugInNameCondition(options.frequencies, options.weight)


@hookimpl
def priorkit_conditions() -> list[Component[Condition | None]]:
    """Supplies the condition `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="a random class with given frequencies, whose meaning is learned",
            source="after Chen et al. 2016, InfoGAN, arXiv:1606.03657, whose classes are equally frequent",
        )
    ]
