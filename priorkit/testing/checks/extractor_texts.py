"""Checks of feature extractors that read texts."""

import torch

from priorkit.interfaces import Features
from priorkit.testing.check import Check, require
from priorkit.testing.checks.extractors import require_rows, same_features
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.extractor import TEXTS, ExtractorSubject

__all__ = ["EXTRACTOR_TEXTS"]

_ODD = (*TEXTS, "", "?!", "zygomorphic " * 200, "an \U0001f33b")
"""Unusual texts: without a word, long, or with other characters."""


def texts_are_rows_of_numbers(subject: ExtractorSubject) -> None:
    """With `reads_text`, features of any texts are finite float32 (N, D) on the CPU, D being that of images."""
    extractor = subject.prepared()
    if not extractor.reads_text:
        require(not extractor.is_clip, "is_clip is True, but reads_text is False", "", "set both, or is_clip = False")
    for texts in (_ODD[:1], _ODD):
        found = subject.text_features(extractor, texts)
        require_rows(found, "features", len(texts), "texts")
        size = subject.extract(extractor, subject.images(1)).features.shape[1]
        require(
            found.shape[1] == size,
            f"texts have {found.shape[1]} features, but images {size}",
            "text features are taken before the projection into the common space",
            "return both in one space, in which cosines measure how well they match",
        )


def texts_are_independent(subject: ExtractorSubject) -> None:
    """The features of a text are repeatable, and depend neither on the other texts nor on their order."""
    extractor = subject.prepared()
    with global_state_kept("text_features"):
        together = subject.text_features(extractor, _ODD)
    alone = torch.cat([subject.text_features(extractor, [text]) for text in _ODD])
    backwards = subject.text_features(extractor, _ODD[::-1]).flip(0)
    for found, where in ((alone, "alone"), (backwards, "in another place")):
        require(
            same_features(Features(together), Features(found), exactly=False),
            f"features of a text differ by up to {float((together - found).abs().max()):.3g} when it is {where}",
        )


def texts_are_told_apart(subject: ExtractorSubject) -> None:
    """Two texts of different words have different features."""
    dark, bright = subject.text_features(subject.prepared(), TEXTS)
    size = max(float(dark.abs().max()), float(bright.abs().max()))
    require(float((dark - bright).abs().max()) > 1e-6 * size, f"{TEXTS[0]!r} and {TEXTS[1]!r} have the same features")


EXTRACTOR_TEXTS = (
    Check(
        "texts_are_rows_of_numbers",
        texts_are_rows_of_numbers,
        "texts without a known word, or long texts, are not handled",
        "return float32 (N, D) on the CPU, of any text, D being that of images' features",
        required=False,
    ),
    Check(
        "texts_are_independent",
        texts_are_independent,
        "padding to the longest text of a batch is read, or the network is in training mode",
        "mask the padding, and call `.eval()` on the network",
        required=False,
    ),
    Check(
        "texts_are_told_apart",
        texts_are_told_apart,
        "texts are cut to nothing, or their network returns zeros",
        "compare the features of two different texts",
        required=False,
    ),
)
