"""Scores of how well samples match their captions, by features of images and texts."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from priorkit.engine import seed_for
from priorkit.evaluation.caption_requests import CaptionRequests, numbered, words_of
from priorkit.evaluation.retrieval import r_precision
from priorkit.evaluation.scorebook import Scorebook
from priorkit.evaluation.standard_error import standard_error
from priorkit.interfaces import Captions, FeatureExtractor

__all__ = ["CLIP", "MATCHED", "RETRIEVAL", "in_words", "score_matches"]

RETRIEVAL, CLIP = MATCHED = ("r-precision", "clip-score")
_DISTRACTORS = 99
"""Number of distractors, as in AttnGAN."""
_POOL = 2000
"""Maximal number of texts from which distractors are drawn."""


def score_matches(
    book: Scorebook,
    captions: Captions,
    requests: CaptionRequests,
    features: tuple[Tensor, Tensor],
    matcher: FeatureExtractor,
    seed: int,
) -> None:
    """Computes how well samples, and real images, match their captions.

    Args:
        book: The scorebook.
        captions: The captions of all held-out images.
        requests: The captions of the samples.
        features: The matcher's features of the samples (n, D), and of the held-out images of their captions (m, D).
        matcher: The feature extractor of images and texts.
        seed: Seed of the distractors.
    """
    made, real = features
    about, n = dict(matcher.description()), len(requests)
    distinct, place = numbered(requests.texts)
    own, shown = matcher.text_features(distinct)[place], real[requests.rows]
    texts, allowed = _distractors(captions, requests)
    others = matcher.text_features(texts)
    if book.wants(RETRIEVAL):
        drawn = seed_for(seed, "distractors")
        found = r_precision(made, own, others, allowed, distractors=_DISTRACTORS, seed=drawn)
        ceiling = float(r_precision(shown, own, others, allowed, distractors=_DISTRACTORS, seed=drawn).mean())
        ranked = 1 + allowed.sum(1).clamp(max=_DISTRACTORS)
        references = {"chance": float((1 / ranked.double()).mean()), "real images": ceiling}
        counts = sorted({int(ranked.min()), int(ranked.max())})
        few = " (the data has no more)" if counts[0] <= _DISTRACTORS else ""
        note = (
            f"ranked among {' to '.join(map(str, counts))} captions{few}; {in_words(references)}{_left_out(requests)}"
        )
        book.add(
            RETRIEVAL,
            float(found.mean()),
            standard_error(found),
            extractor=about,
            samples=n,
            real=len(real),
            note=note,
            references=references,
        )
    if book.wants(CLIP):
        generator = torch.Generator().manual_seed(seed_for(seed, "other captions"))
        scores = _clip_scores(made, own)
        references = {"real images": float(_clip_scores(shown, own).mean())}
        if len(rows := allowed.any(1).nonzero()[:, 0]):
            of_others = torch.multinomial(allowed[rows].float(), 1, generator=generator)[:, 0]
            references = {"captions of others": float(_clip_scores(made[rows], others[of_others]).mean()), **references}
        book.add(
            CLIP,
            float(scores.mean()),
            standard_error(scores),
            extractor=about,
            published=matcher.is_clip,
            samples=n,
            real=len(real),
            note=in_words(references) + _left_out(requests),
            references=references,
        )


def _clip_scores(images: Tensor, texts: Tensor) -> Tensor:
    """100 max(cos, 0) of each image and text, as is usual; Hessel et al. 2021, arXiv:2104.08718, multiply by 2.5."""
    return 100 * cosine_similarity(images.double(), texts.double()).clamp(min=0)


def _distractors(captions: Captions, requests: CaptionRequests) -> tuple[list[str], Tensor]:
    """Returns M texts with different words, and a mask of each sample's possible distractors among them: bool (n, M).

    The texts are the held-out captions, at most 2,000 of them. A sample's distractors exclude all captions of its own
    image, also with their words reordered.
    """
    texts: dict[tuple[str, ...], str] = {}
    for text in captions.distinct():
        texts.setdefault(words_of(text), text)
    number = min(_POOL, len(texts))
    spread = torch.arange(number) * len(texts) // number
    keys = list(texts)
    kept = {keys[index]: place for place, index in enumerate(spread.tolist())}
    allowed = torch.ones(len(requests.images), number, dtype=torch.bool)
    for row, index in zip(allowed, requests.images.tolist(), strict=True):
        row[[kept[words] for words in map(words_of, captions[index]) if words in kept]] = False
    return [texts[key] for key in kept], allowed[requests.rows]


def in_words(figures: Mapping[str, float]) -> str:
    """Joins figures with their names, for a note."""
    return ", ".join(f"{name} {value:.3g}" for name, value in figures.items())


def _left_out(requests: CaptionRequests) -> str:
    return f"; {requests.unread} captions without a known word left out" if requests.unread else ""
