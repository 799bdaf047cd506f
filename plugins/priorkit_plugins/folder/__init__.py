"""The data set `folder`: your own image files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, DataContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import DataSource

__all__ = ["FolderOptions", "priorkit_datasets"]


class FolderOptions(Options):
    """Options of the data set `folder`."""

    captions: bool = Field(
        True, description="read captions, where there are NAME.txt beside NAME.png, captions.jsonl or metadata.jsonl"
    )
    captionless: Literal["refuse", "drop"] = Field(
        "refuse", description="if some images have no captions: refuse the data, or drop these images"
    )
    caption_key: str = Field("text", description="what captions are called in captions.jsonl or metadata.jsonl")
    embeddings: str | None = Field(
        None,
        description="folder below --data-dir with NAME.npy where that has NAME.png, (dim,) or (K, dim); . is itself",
    )


def _build(options: FolderOptions, context: DataContext) -> DataSource:
    from priorkit_plugins.folder.beside import Beside
    from priorkit_plugins.folder.source import FolderSource

    return FolderSource(
        context.data_dir,
        image_size=context.image_size,
        channels=context.channels,
        holdout=context.holdout,
        seed=context.seed,
        memory=context.memory,
        beside=Beside(
            captions=options.captions,
            captionless=options.captionless,
            caption_key=options.caption_key,
            embeddings=options.embeddings,
        ),
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
