"""The Fréchet distance of reconstructions from held-out images, by an extractor's features of both sets."""

import torch

from priorkit.data import to_uint8
from priorkit.errors import DataError, MissingExtraError
from priorkit.evaluation.encodings import Encodings
from priorkit.evaluation.frechet import frechet_distance
from priorkit.evaluation.images import chunk_size, chunks
from priorkit.evaluation.scorebook import Scorebook
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.interfaces import FeatureExtractor, ImageData
from priorkit.models import Model

__all__ = ["NAME", "score_reconstruction_distance"]

NAME = "reconstruction-distance"


def score_reconstruction_distance(
    book: Scorebook,
    model: Model,
    data: ImageData,
    encodings: Encodings,
    extractor: FeatureExtractor | None,
    name: str,
    settings: EvaluationSettings,
) -> None:
    """Records the Fréchet distance between decoded posterior means and the encoded held-out images.

    The distance compares the two sets, not each reconstruction with its image. For a run on black and white images, the
    held-out images are black and white, too.

    Args:
        book: The scorebook.
        model: The model.
        data: The model's data.
        encodings: The encoded held-out images.
        extractor: The feature extractor, which is prepared here; None skips the score.
        name: The extractor's name.
        settings: The conversion of images to black and white, and its seed.
    """
    if not book.wants(NAME):
        return
    if extractor is None:
        book.skip((NAME,), "there is no feature extractor")
        return
    try:
        extractor.prepare(data)
    except (DataError, MissingExtraError) as error:
        book.skip((NAME,), str(error), name)
        return
    if len(encodings) < 2:
        book.skip((NAME,), f"there is only {len(encodings)} held-out image to compare with", name)
        return
    parts = chunks(data.test, encodings.indices, binarise=settings.binarise, seed=settings.seed)
    real = torch.cat([extractor.extract(part).features for part in parts])
    codes = torch.split(encodings.codes, chunk_size(model.shape.size))
    made = torch.cat(
        [extractor.extract(to_uint8(model.decode(part, from_prior=False)).cpu()).features for part in codes]
    )
    n = len(encodings)
    few = n < max(1000, real.shape[1])
    book.add(
        NAME,
        frechet_distance(made, real),
        extractor=dict(extractor.description()),
        published=extractor.standard,
        samples=n,
        real=n,
        note="biased upwards: few images" if few else "",
    )
