"""Well-known data sets, read (and downloaded) by torchvision: MNIST, Fashion-MNIST, CIFAR-10, SVHN, Flowers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, DataContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import DataSource

__all__ = ["TorchvisionOptions", "priorkit_datasets"]


class TorchvisionOptions(Options):
    """Options of each of torchvision's data sets."""

    download: bool = Field(True, description="download the files that are missing")


def _build(name: str, options: TorchvisionOptions, context: DataContext) -> DataSource:
    from priorkit_plugins.torchvision_datasets.source import TorchvisionSource, archive_named

    archive = archive_named(name, image_size=context.image_size)
    return TorchvisionSource(archive, data_dir=context.data_dir, download=options.download)


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
        _component("flowers102", "8,189 photographs of 102 kinds of flowers, RGB", "Nilsback and Zisserman 2008"),
    ]
