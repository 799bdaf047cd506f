"""Scores of samples, by an extractor's features of samples and of real images."""

from collections.abc import Iterable

import torch
from torch import Tensor

from priorkit.errors import DataError, MissingExtraError
from priorkit.evaluation.frechet import frechet_distance
from priorkit.evaluation.images import chunk_size, chunks, decoded, spaced
from priorkit.evaluation.inception_score import inception_score
from priorkit.evaluation.kernel_distance import kernel_distance
from priorkit.evaluation.manifolds import density_coverage, precision_recall
from priorkit.evaluation.scorebook import Scorebook
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.interfaces import FeatureExtractor, Features, ImageData
from priorkit.models import Model

__all__ = ["score_samples"]

_COMPARED = ("frechet-distance", "kernel-distance", "precision", "recall", "density", "coverage")
_ALL = ("inception-score", *_COMPARED, "label-agreement")
_FEWEST = 1000
"""Number of samples below which a note calls the Fréchet distance biased."""


def _extract(extractor: FeatureExtractor, parts: Iterable[Tensor]) -> Features:
    found = [extractor.extract(part) for part in parts]
    probabilities = [item.probabilities for item in found if item.probabilities is not None]
    return Features(
        torch.cat([item.features for item in found]),
        torch.cat(probabilities) if len(probabilities) == len(found) else None,
    )


def score_samples(
    book: Scorebook, model: Model, data: ImageData, extractor: FeatureExtractor, name: str, settings: EvaluationSettings
) -> None:
    """Records the scores of the group `samples`.

    Args:
        book: The scorebook.
        model: The model.
        data: The model's data.
        extractor: The feature extractor, which is prepared here.
        name: The extractor's name.
        settings: The number of samples, and the images to compare them with.
    """
    if not book.wants(*_ALL):
        return
    try:
        extractor.prepare(data)
    except (DataError, MissingExtraError) as error:
        book.skip(_ALL, str(error), name)
        return
    about = dict(extractor.description())
    published = extractor.standard
    _score_agreement(book, model, extractor, name, settings)
    if not book.wants("inception-score", *_COMPARED):
        return
    made = _extract(extractor, decoded(model, model.codes(settings.samples, settings.seed)))
    n = len(made.features)
    if made.probabilities is None:
        book.skip(("inception-score",), f"the extractor {name!r} gives no probabilities of classes", name)
    elif book.wants("inception-score"):
        value, spread = inception_score(made.probabilities)
        classes = made.probabilities.shape[1]
        book.add(
            "inception-score", value, spread, extractor=about, published=published, samples=n, note=f"{classes} classes"
        )
    if not book.wants(*_COMPARED):
        return
    images = data.test if settings.against == "held-out" else data.train
    indices = spaced(images, settings.samples)
    if len(indices) < 2:
        book.skip(_COMPARED, f"there is only {len(indices)} {settings.against} image to compare with", name)
        return
    real = _extract(extractor, chunks(images, indices)).features
    _compare(book, real, made.features, about, settings, published=published)


def _compare(
    book: Scorebook,
    real: Tensor,
    made: Tensor,
    about: dict[str, str | int | float],
    settings: EvaluationSettings,
    *,
    published: bool,
) -> None:
    def add(name: str, value: float, spread: float | None = None, note: str = "") -> None:
        note = "; ".join(part for part in (f"against {settings.against} images", note) if part)
        book.add(
            name,
            value,
            spread,
            extractor=about,
            published=published,
            samples=len(made),
            real=len(real),
            note=note,
        )

    if book.wants("frechet-distance"):
        few = min(len(real), len(made)) < max(_FEWEST, made.shape[1])
        add("frechet-distance", frechet_distance(made, real), note="biased upwards: few images" if few else "")
    if book.wants("kernel-distance"):
        add("kernel-distance", *kernel_distance(made, real, seed=settings.seed))
    if book.wants("precision", "recall"):
        precision, recall = precision_recall(real, made)
        add("precision", precision)
        add("recall", recall)
    if book.wants("density", "coverage"):
        density, coverage = density_coverage(real, made)
        add("density", density)
        add("coverage", coverage)


def _score_agreement(
    book: Scorebook, model: Model, extractor: FeatureExtractor, name: str, settings: EvaluationSettings
) -> None:
    """Records the share of samples whose requested label the extractor recognises; all labels are equally frequent."""
    if not book.wants("label-agreement"):
        return
    condition = model.condition
    if condition is None or not condition.from_labels:
        book.skip(("label-agreement",), "the model is not conditioned on labels", name)
        return
    if not extractor.knows_labels:
        reason = f"the extractor {name!r} does not know the data set's labels; use --extractor classifier"
        book.skip(("label-agreement",), reason, name)
        return
    n = settings.samples
    labels = torch.arange(n) % condition.classes
    codes = model.codes(n, settings.seed, condition=model.class_conditions(labels))
    right = 0
    parts = torch.split(labels, chunk_size(model.shape.size))
    for images, wanted in zip(decoded(model, codes), parts, strict=True):
        found = extractor.extract(images).probabilities
        assert found is not None, "an extractor that knows the labels gives their probabilities"
        right += int((found.argmax(1) == wanted).sum())
    share = right / n
    spread = (share * (1 - share) / n) ** 0.5
    book.add("label-agreement", share, spread, extractor=dict(extractor.description()), samples=n)
