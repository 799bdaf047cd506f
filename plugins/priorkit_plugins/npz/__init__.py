"""The data set `npz`: your own images as arrays in a NumPy .npz file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, DataContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import DataSource

__all__ = ["NpzOptions", "priorkit_datasets"]


class NpzOptions(Options):
    """Options of the data set `npz`."""

    captions: bool = Field(True, description="read the array `captions`, if there is one")


def _build(options: NpzOptions, context: DataContext) -> DataSource:
    from priorkit_plugins.npz.source import NpzSource

    return NpzSource(
        context.data_dir,
        image_size=context.image_size,
        channels=context.channels,
        holdout=context.holdout,
        seed=context.seed,
        memory=context.memory,
        captions=options.captions,
    )


@hookimpl
def priorkit_datasets() -> list[Component[DataSource]]:
    """Supplies the data set `npz`."""
    return [
        Component(
            "npz",
            NpzOptions,
            _build,
            summary="your own images, as arrays in the .npz file that --data-dir names",
            source="arrays `images`; optionally `labels`, `embeddings`, `captions`, `test_...` of each, `class_names`",
        )
    ]
