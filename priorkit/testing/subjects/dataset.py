"""Data sets."""

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
"""Images that are compared, evenly spread over a set."""


def looked_at(images: ImageSet) -> Tensor:
    """Some images of a set, evenly spread over it: uint8 (n, C, H, W)."""
    return images.spread(_LOOKED_AT)


class DataSubject(Subject[DataSource]):
    """A data set, as the user asks for it.

    Args:
        case: What is checked.
        wishes: What the user asked for, as attributes of a `DataContext`.
    """

    interface = DataSource

    def __init__(self, case: Case, wishes: Mapping[str, Any]) -> None:
        words = " and ".join(f"{name} {value}" for name, value in wishes.items())
        super().__init__(case, words or "images as they are")
        self.wishes = wishes

    def context(self) -> DataContext:
        """The case's files, and what the user asked for."""
        return DataContext(data_dir=self.case.situations.data_dir, **self.wishes)

    def passes(self, component: DataSource) -> Sequence[ForwardPass]:
        """None: it is no function of tensors."""
        return ()

    def inputs(self, component: DataSource, n: int, seed: int) -> Inputs:
        """None."""
        return {}

    def load(self, **changes: Any) -> ImageData:
        """Builds it anew and reads the images.

        Args:
            **changes: Attributes of the context that are other than the situation's.

        Raises:
            Refused: It cannot be had so: the files are missing, or something must be asked for that is not.
            Defect: It gives something else.
        """
        try:
            data = self.source(**changes).load()
        except DataError as error:
            raise Refused(f"with {self.situation} it cannot be read: {' '.join(str(error).split())}") from error
        if not isinstance(data, ImageData):
            raise Defect(
                f"load gives a {type(data).__name__}, not ImageData",
                "it returns tensors or a torch data set",
                "return priorkit.interfaces.ImageData(train=ImageSet(...), test=ImageSet(...))",
            )
        return data

    def source(self, **changes: Any) -> DataSource:
        """A new one.

        Args:
            **changes: As for `load`.
        """
        source: DataSource = self.case.build(replace(self.context(), **changes))
        return source


def data_subjects(case: Case) -> Iterator[DataSubject]:
    """A data set as it is, and in each shape that a case asks for."""
    yield DataSubject(case, {})
    for shape in case.situations.shapes:
        yield DataSubject(case, {"image_size": shape.size, "channels": shape.channels})
