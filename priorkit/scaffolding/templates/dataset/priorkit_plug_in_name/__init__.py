"""The data set `plug-in-name`: coloured shapes, drawn from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, DataContext, Options, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    from priorkit.interfaces import DataSource

__all__ = ["PlugInNameOptions", "priorkit_datasets"]


class PlugInNameOptions(Options):
    """Options of the data set `plug-in-name`."""

    count: int = Field(2000, ge=2, description="number of images, including those held out")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the shapes, their positions and colours")


def _build(options: PlugInNameOptions, context: DataContext) -> DataSource:
    # Imported here, not above: listing components stays fast without torch.
    from priorkit_plug_in_name.source import PlugInNameSource

    return PlugInNameSource(
        options.count, options.seed, context.image_size or 32, holdout=context.holdout, holdout_seed=context.seed
    )


@hookimpl
def priorkit_datasets() -> list[Component[DataSource]]:
    """Supplies the data set `plug-in-name`."""
    return [
        Component(
            "plug-in-name",
            PlugInNameOptions,
            _build,
            summary="squares, discs and rings in colour on black, drawn from a seed",
            source="made on the fly",
        )
    ]
