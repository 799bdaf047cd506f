"""Data sets to check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import DataSource, ImageData, ImageSet
from priorkit.plugins import DataContext
from priorkit.testing.case import Case
from priorkit.testing.check import Defect, Refused
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import Subject

__all__ = ["DataSubject", "data_subjects", "looked_at"]

_LOOKED_AT = 256
"""Number of images that are compared, evenly spread over a set."""


def looked_at(images: ImageSet) -> Tensor:
    """Returns some images of a set, evenly spread over it: uint8 (n, C, H, W)."""
    return images.spread(_LOOKED_AT)


class DataSubject(Subject[DataSource]):
    """A data set with the user's choices.

    Args:
        case: The component with its options.
        wishes: The user's choices, as attributes of a `DataContext`.
    """

    interface = DataSource

    def __init__(self, case: Case, wishes: Mapping[str, Any]) -> None:
        words = " and ".join(f"{name} {value}" for name, value in wishes.items())
        super().__init__(case, words or "images as they are")
        self.wishes = wishes

    def context(self) -> DataContext:
        """Returns the case's files, and the user's choices."""
        return DataContext(data_dir=self.case.situations.data_dir, **self.wishes)

    def passes(self, component: DataSource) -> Sequence[ForwardPass]:
        """Returns no passes: a data set is not a function of tensors."""
        return ()

    def inputs(self, component: DataSource, n: int, seed: int) -> Inputs:
        """Returns no inputs."""
        return {}

    def load(self, **changes: Any) -> ImageData:
        """Builds a new data set and reads the images.

        Args:
            **changes: Attributes of the context that differ from the situation's.

        Raises:
            Refused: The data cannot be read: files are missing, or the data set needs a choice of the user.
            Defect: `load` returns another type.
        """
        try:
            data = self.source(**changes).load()
        except DataError as error:
            raise Refused(f"it cannot be read with {self.situation}: {' '.join(str(error).split())}") from error
        if not isinstance(data, ImageData):
            raise Defect(
                f"load returns a {type(data).__name__}, not ImageData",
                "it returns tensors or a torch data set",
                "return priorkit.interfaces.ImageData(train=ImageSet(...), test=ImageSet(...))",
            )
        return data

    def source(self, **changes: Any) -> DataSource:
        """Returns a new data set.

        Args:
            **changes: As for `load`.
        """
        source: DataSource = self.case.build(replace(self.context(), **changes))
        return source


def data_subjects(case: Case) -> Iterator[DataSubject]:
    """Yields the data set without choices, and with each shape of the case."""
    yield DataSubject(case, {})
    for shape in case.situations.shapes:
        yield DataSubject(case, {"image_size": shape.size, "channels": shape.channels})
