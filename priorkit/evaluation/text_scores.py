"""Scores of samples that are drawn for captions: whether they show what their captions describe."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.errors import DataError, MissingExtraError
from priorkit.evaluation.caption_matching import CLIP, MATCHED, in_words, score_matches
from priorkit.evaluation.caption_requests import CaptionRequests, choose_requests, words_of
from priorkit.evaluation.colour_agreement import colour_agreement
from priorkit.evaluation.extractors import named_by_flag
from priorkit.evaluation.grouped_distance import grouped_kernel_distance
from priorkit.evaluation.images import chunks, decoded
from priorkit.evaluation.picture_colours import COLOURS, shown_colours
from priorkit.evaluation.scorebook import Scorebook
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.evaluation.standard_error import standard_error
from priorkit.interfaces import FeatureExtractor, ImageData
from priorkit.models import Model

__all__ = ["NamedExtractor", "prepare_matcher", "score_texts"]

_DISTANCE, _COLOURS = "caption-kernel-distance", "colour-agreement"
_ALL = (*MATCHED, _DISTANCE, _COLOURS)
_FEWEST = 5
"""Minimal number of real images, and of samples, in a group that is compared."""


@dataclass(frozen=True)
class NamedExtractor:
    """A feature extractor, and its name in output."""

    extractor: FeatureExtractor
    name: str


@dataclass(frozen=True)
class _Seen:
    """Features and colours of images; None for those that no score needs."""

    matched: Tensor | None
    features: Tensor | None
    colours: Tensor | None


def prepare_matcher(
    book: Scorebook, model: Model, data: ImageData, matcher: NamedExtractor | None
) -> NamedExtractor | None:
    """Prepares the feature extractor of images and texts if a score needs it, and records scores that must be skipped.

    Args:
        book: The scorebook.
        model: The model.
        data: The model's data.
        matcher: The feature extractor of images and texts, if any.

    Returns:
        The matcher; None if no score needs it or it cannot be prepared.

    Raises:
        ConfigurationError: An option of the matcher is wrong.
    """
    _skip_without_texts(book, model, data)
    if matcher is None:
        book.skip(MATCHED, "there is no matcher of images and texts")
        return None
    if not matcher.extractor.reads_text:
        book.skip(MATCHED, f"the matcher {matcher.name!r} reads no texts", matcher.name)
    elif not matcher.extractor.is_clip:
        book.skip((CLIP,), f"the matcher {matcher.name!r} is no CLIP model; choose one with --matcher")
    if not book.wants(*MATCHED):
        return None
    try:
        with named_by_flag("--matcher"):
            matcher.extractor.prepare(data)
    except (DataError, MissingExtraError) as error:
        book.skip(MATCHED, str(error), matcher.name)
        return None
    return matcher


def _skip_without_texts(book: Scorebook, model: Model, data: ImageData) -> None:
    condition, captions = model.condition, data.test.captions
    if condition is None or not condition.reads_text:
        book.skip(_ALL, "the model is not conditioned on texts")
    elif captions is None:
        book.skip(_ALL, "the held-out images have no captions")
    elif len({words_of(text) for text in captions.distinct()}) < 2:
        book.skip(_ALL, "the held-out images have only one caption, so there is nothing to tell apart")


def score_texts(
    book: Scorebook,
    model: Model,
    data: ImageData,
    extractor: NamedExtractor | None,
    matcher: NamedExtractor | None,
    settings: EvaluationSettings,
) -> None:
    """Records the scores of the group `text`.

    Args:
        book: The scorebook.
        model: The model.
        data: The model's data.
        extractor: The feature extractor for comparing samples with images; it is prepared here.
        matcher: The feature extractor of images and texts, as `prepare_matcher` returns it.
        settings: The number of samples and the seed.
    """
    _skip_without_texts(book, model, data)
    if not book.wants(*_ALL):
        return
    condition, captions = model.condition, data.test.captions
    assert condition is not None
    assert captions is not None
    if matcher is None:
        book.skip(MATCHED, "there is no matcher of images and texts")
    extractor = _prepared_extractor(book, data, extractor)
    if data.shape.channels != 3:
        book.skip((_COLOURS,), "the images are grey")
    if not book.wants(*_ALL):
        return
    requests = choose_requests(data.test, condition, settings.samples, settings.seed)
    if requests is None:
        book.skip(_ALL, "the model's text encoder knows no word of the held-out captions")
        return
    codes = model.codes(len(requests), settings.seed, condition=requests.vectors.to(model.device))
    made = _see(decoded(model, codes), book, extractor, matcher)
    real = _see(chunks(data.test, requests.images), book, extractor, matcher)
    if matcher is not None:
        assert made.matched is not None
        assert real.matched is not None
        score_matches(book, captions, requests, (made.matched, real.matched), matcher.extractor, settings.seed)
    if extractor is not None:
        _score_distance(book, data, requests, made, real, extractor)
    _score_colours(book, requests, made, real)


def _prepared_extractor(book: Scorebook, data: ImageData, extractor: NamedExtractor | None) -> NamedExtractor | None:
    """The feature extractor, prepared; None if no score needs it or it cannot be prepared."""
    if extractor is None:
        book.skip((_DISTANCE,), "there is no feature extractor")
        return None
    if not book.wants(_DISTANCE):
        return None
    try:
        extractor.extractor.prepare(data)
    except (DataError, MissingExtraError) as error:
        book.skip((_DISTANCE,), str(error), extractor.name)
        return None
    return extractor


def _see(
    parts: Iterable[Tensor], book: Scorebook, extractor: NamedExtractor | None, matcher: NamedExtractor | None
) -> _Seen:
    matched, features, colours = [], [], []
    for images in parts:
        if matcher is not None:
            matched.append(matcher.extractor.extract(images).features)
        if extractor is not None:
            features.append(extractor.extractor.extract(images).features)
        if book.wants(_COLOURS):
            colours.append(shown_colours(images))
    return _Seen(*(torch.cat(found) if found else None for found in (matched, features, colours)))


def _score_distance(
    book: Scorebook,
    data: ImageData,
    requests: CaptionRequests,
    made: _Seen,
    real: _Seen,
    extractor: NamedExtractor,
) -> None:
    """Records the distance of samples from real images of the same class, or with a caption of the same words."""
    assert made.features is not None
    assert real.features is not None
    labels, captions = data.test.labels, data.test.captions
    assert captions is not None
    if labels is not None:
        kind = "classes"
        asked: list[object] = labels[requests.images[requests.rows]].tolist()
        shown: list[Sequence[object]] = [[label] for label in labels[requests.images].tolist()]
    else:
        kind = "captions"
        asked = [words_of(text) for text in requests.texts]
        shown = [list(dict.fromkeys(map(words_of, captions[index]))) for index in requests.images.tolist()]
    groups = {group: number for number, group in enumerate(dict.fromkeys(asked))}
    samples = _by_group(made.features, [[group] for group in asked], groups)
    there = _by_group(real.features, shown, groups)
    kept = [g for g in groups.values() if min(len(samples.get(g, ())), len(there.get(g, ()))) >= _FEWEST]
    if len(kept) < 2:
        reason = f"fewer than 2 {kind} have {_FEWEST} held-out images and {_FEWEST} samples each"
        book.skip((_DISTANCE,), reason, extractor.name)
        return
    samples, there = {g: samples[g] for g in kept}, {g: there[g] for g in kept}
    values = grouped_kernel_distance(samples, there)
    halves = [{g: features[start::2] for g, features in there.items()} for start in (0, 1)]
    references = {"real images": float(grouped_kernel_distance(*halves).mean())}
    next_to = _strangers(kept, [[groups[group] for group in of_row if group in groups] for of_row in shown])
    if next_to:
        others = {g: there[other] for g, other in next_to.items()}
        away = float(grouped_kernel_distance({g: samples[g] for g in next_to}, others).mean())
        references = {f"other {kind}": away, **references}
    note = f"mean of {len(kept)} of {len(groups)} {kind}, {_FEWEST} images or more each; {in_words(references)}"
    book.add(
        _DISTANCE,
        float(values.mean()),
        standard_error(values),
        extractor=dict(extractor.extractor.description()),
        samples=sum(map(len, samples.values())),
        real=sum(map(len, there.values())),
        note=note,
        references=references,
    )


def _score_colours(book: Scorebook, requests: CaptionRequests, made: _Seen, real: _Seen) -> None:
    """Records the share of samples with the colour that their caption names."""
    if not book.wants(_COLOURS):
        return
    assert made.colours is not None
    assert real.colours is not None
    found = colour_agreement(requests.texts, made.colours, fewest=_FEWEST)
    if len(found.shares) < 2:
        reason = f"fewer than 2 of the words {', '.join(COLOURS)} are the only colour in {_FEWEST} captions or more"
        book.skip((_COLOURS,), reason)
        return
    reference = colour_agreement(requests.texts, real.colours[requests.rows], fewest=_FEWEST)
    references = {"chance": found.chance, "real images": reference.mean}
    parts = dict(found.shares)
    of_parts = {f"{name}, real images": value for name, value in reference.shares.items()}
    note = f"{in_words(references)}; {', '.join(f'{name} {value:.2f}' for name, value in parts.items())}"
    book.add(
        _COLOURS,
        found.mean,
        found.error,
        samples=found.count,
        real=len(real.colours),
        note=note,
        references=references | of_parts,
        parts=parts,
    )


def _strangers(groups: Sequence[int], of_rows: Sequence[Sequence[int]]) -> dict[int, int]:
    """Maps each group to the next group, in cyclic order, that shares no image with it; omits groups without one."""
    images: dict[int, set[int]] = {group: set() for group in groups}
    for row, of_row in enumerate(of_rows):
        for group in of_row:
            if group in images:
                images[group].add(row)
    found = {}
    for place, group in enumerate(groups):
        ring = (*groups[place + 1 :], *groups[:place])
        other = next((other for other in ring if images[group].isdisjoint(images[other])), None)
        if other is not None:
            found[group] = other
    return found


def _by_group(features: Tensor, groups: Sequence[Sequence[object]], numbers: Mapping[object, int]) -> dict[int, Tensor]:
    """The features of each group that has a number; a row may belong to several groups."""
    rows: dict[int, list[int]] = {}
    for row, of_row in enumerate(groups):
        for group in of_row:
            if group in numbers:
                rows.setdefault(numbers[group], []).append(row)
    return {group: features[chosen] for group, chosen in rows.items()}
