"""Families of networks to check, part by part."""

from collections.abc import Iterator

from priorkit.testing.case import Case
from priorkit.testing.subjects.critics import (
    CodeCriticSubject,
    ConditionalCriticSubject,
    ImageCriticSubject,
    RecogniserSubject,
)
from priorkit.testing.subjects.network_bodies import (
    DecoderSubject,
    EncoderBodySubject,
    MapDecoderSubject,
    MapEncoderSubject,
    NetworksSubject,
)

__all__ = ["networks_subjects"]

_PARTS: tuple[type[NetworksSubject], ...] = (
    EncoderBodySubject,
    DecoderSubject,
    MapEncoderSubject,
    MapDecoderSubject,
    ImageCriticSubject,
    ConditionalCriticSubject,
    RecogniserSubject,
    CodeCriticSubject,
)


def networks_subjects(case: Case) -> Iterator[NetworksSubject]:
    """Yields each part of a family, for each image shape of a case."""
    for shape in case.situations.shapes:
        for part in _PARTS:
            yield part(case, shape)
