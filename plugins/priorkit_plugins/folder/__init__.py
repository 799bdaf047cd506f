"""The data set `folder`: your own image files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, DataContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import DataSource

__all__ = ["FolderOptions", "priorkit_datasets"]


class FolderOptions(Options):
    """Options of the data set `folder`: none."""


def _build(_options: FolderOptions, context: DataContext) -> DataSource:
    from priorkit_plugins.folder.source import FolderSource

    return FolderSource(
        context.data_dir,
        image_size=context.image_size,
        channels=context.channels,
        holdout=context.holdout,
        seed=context.seed,
        memory=context.memory,
    )


@hookimpl
def priorkit_datasets() -> list[Component[DataSource]]:
    """Supplies the data set `folder`."""
    return [
        Component(
            "folder",
            FolderOptions,
            _build,
            summary="your own image files, in the folder that --data-dir names, one folder a class",
            source="the layout of torchvision's ImageFolder, optionally under train and test",
        )
    ]
