"""The data set `digits`: small handwritten digits that come with scikit-learn, so that nothing needs downloading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from priorkit.plugins import Component, DataContext, Options, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import DataSource

__all__ = ["DigitsOptions", "priorkit_datasets"]


class DigitsOptions(Options):
    """Options of the data set `digits`: none."""


def _build(_options: DigitsOptions, context: DataContext) -> DataSource:
    from priorkit_plugins.digits.source import DigitsSource

    return DigitsSource(image_size=context.image_size or 16, holdout=context.holdout, seed=context.seed)


@hookimpl
def priorkit_datasets() -> list[Component[DataSource]]:
    """Supplies the data set `digits`."""
    return [
        Component(
            "digits",
            DigitsOptions,
            _build,
            summary="1,797 handwritten digits of 8x8 pixels, enlarged; comes with scikit-learn",
            source="Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI (its test set)",
        )
    ]
