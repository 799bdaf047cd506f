"""Well-known data sets, read (and downloaded) by torchvision: MNIST, Fashion-MNIST, CIFAR-10, SVHN, Flowers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, DataContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import DataSource

__all__ = ["FlowersOptions", "TorchvisionOptions", "priorkit_datasets"]


class TorchvisionOptions(Options):
    """Options of each of torchvision's data sets."""

    download: bool = Field(True, description="download the files that are missing")


class FlowersOptions(TorchvisionOptions):
    """Options of the data set `flowers102`."""

    split: Literal["official", "class-disjoint"] = Field(
        "official", description="hold out the official split val, or whole classes: those in testclasses.txt (20)"
    )
    captions: bool = Field(True, description="read captions, if the folder text_c10 lies beside the photographs")
    captionless: Literal["refuse", "drop"] = Field(
        "refuse", description="if some images have no captions: refuse the data, or drop these images"
    )
    embeddings: str | None = Field(
        None, description="folder in flowers-102 with an embedding of each image, image_00001.npy, (dim,) or (K, dim)"
    )


def _build(name: str, options: TorchvisionOptions, context: DataContext) -> DataSource:
    from priorkit_plugins.torchvision_datasets.source import TorchvisionSource, archive_named

    return TorchvisionSource(archive_named(name), data_dir=context.data_dir, download=options.download)


def _build_flowers(options: FlowersOptions, context: DataContext) -> DataSource:
    from priorkit_plugins.torchvision_datasets.flowers import FlowersArchive, FlowersReading
    from priorkit_plugins.torchvision_datasets.source import TorchvisionSource

    reading = FlowersReading(
        image_size=context.image_size or 64,
        split=options.split,
        captions=options.captions,
        captionless=options.captionless,
        embeddings=options.embeddings,
    )
    return TorchvisionSource(FlowersArchive(reading), data_dir=context.data_dir, download=options.download)


def _component(name: str, summary: str, source: str) -> Component[DataSource]:
    return Component(name, TorchvisionOptions, partial(_build, name), summary, source)


@hookimpl
def priorkit_datasets() -> list[Component[DataSource]]:
    """Supplies the data sets `mnist`, `fashion-mnist`, `cifar10`, `svhn` and `flowers102`."""
    return [
        _component("mnist", "70,000 handwritten digits, grey, 28x28", "LeCun et al. 1998"),
        _component(
            "fashion-mnist", "70,000 pieces of clothing, grey, 28x28", "Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747"
        ),
        _component("cifar10", "60,000 photographs in ten classes, RGB, 32x32", "Krizhevsky 2009"),
        _component("svhn", "99,289 digits of house numbers, RGB, 32x32", "Netzer et al. 2011"),
        Component(
            "flowers102",
            FlowersOptions,
            _build_flowers,
            summary="8,189 photographs of 102 kinds of flowers, RGB, with captions where they lie beside them",
            source="Nilsback and Zisserman 2008; captions: Reed et al. 2016, arXiv:1605.05395",
        ),
    ]
