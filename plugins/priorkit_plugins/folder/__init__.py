"""The data set `folder`: your own image files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from priorkit.plugins import Component, DataContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import DataSource

__all__ = ["FolderOptions", "priorkit_datasets"]


class FolderOptions(Options):
    """Options of the data set `folder`."""

    captions: bool = Field(
        True, description="read captions, if there are files NAME.txt beside NAME.png, captions.jsonl or metadata.jsonl"
    )
    captionless: Literal["refuse", "drop"] = Field(
        "refuse", description="if some images have no captions: refuse the data, or drop these images"
    )
    caption_key: str = Field("text", description="key of captions in captions.jsonl or metadata.jsonl")
    embeddings: str | None = Field(
        None,
        description="folder below --data-dir with NAME.npy for each NAME.png, (dim,) or (K, dim); . is --data-dir",
    )
    range: tuple[int, int] = Field(
        (0, 65535), description="grey images with 16 bits a pixel: the values that become black and white"
    )
    broken: Literal["drop", "refuse"] = Field(
        "drop", description="if some files are not images, or damaged: drop them with a note, or refuse the data"
    )

    @field_validator("range")
    @classmethod
    def _rises(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= value[0] < value[1] <= 65535:
            raise ValueError("must be two numbers from 0 to 65535, the lower one first, as in 0,4095")
        return value


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
        value_range=options.range,
        broken=options.broken,
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
