"""Evaluates a model: computes every score that can be computed, and gives the reason for each of the others."""

from collections.abc import Callable

from priorkit.evaluation.catalogue import CATALOGUE, choose_scores
from priorkit.evaluation.encodings import encode_held_out
from priorkit.evaluation.held_out_scores import (
    score_clusters,
    score_code_likelihood,
    score_codes,
    score_reconstructions,
)
from priorkit.evaluation.likelihood_scores import score_likelihood
from priorkit.evaluation.reconstruction_distance import score_reconstruction_distance
from priorkit.evaluation.sample_scores import score_samples
from priorkit.evaluation.score import Score
from priorkit.evaluation.scorebook import Scorebook
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.evaluation.text_scores import NamedExtractor, prepare_matcher, score_texts
from priorkit.interfaces import FeatureExtractor, ImageData
from priorkit.models import Model

__all__ = ["evaluate_model"]

_NO_ENCODER = "the model has no encoder"


def _names(*groups: str) -> tuple[str, ...]:
    return tuple(item.name for item in CATALOGUE if item.group in groups)


def _named(extractor: FeatureExtractor | None, name: str) -> NamedExtractor | None:
    return None if extractor is None else NamedExtractor(extractor, name or type(extractor).__name__)


def evaluate_model(
    model: Model,
    data: ImageData,
    extractor: FeatureExtractor | None = None,
    settings: EvaluationSettings | None = None,
    *,
    extractor_name: str = "",
    matcher: FeatureExtractor | None = None,
    matcher_name: str = "",
    tell: Callable[[str], None] = lambda doing: None,
) -> list[Score]:
    """Computes scores of a model, in the order of the catalogue.

    On a CPU, the same model, data, extractor and settings give the same scores. torch's global generators are left
    unchanged. Images are computed in chunks, and only their features and codes are kept in memory.

    Args:
        model: The model.
        data: The model's data; scores use the held-out images.
        extractor: The feature extractor of images, which is prepared here if a score needs it. If None, the scores that
            need it are skipped.
        settings: The scores to compute, and the number of images; all scores of 10,000 samples if None.
        extractor_name: The extractor's name in output; the name of its class by default.
        matcher: The feature extractor of images and texts, which is prepared here if a score needs it. If None, the
            scores that need it are skipped.
        matcher_name: The matcher's name in output; the name of its class by default.
        tell: Called with a text before each part of the work.

    Returns:
        The requested scores. A score that cannot be computed has no value, and a note with the reason.

    Raises:
        ConfigurationError: A requested score does not exist, or an option of the extractor or matcher is wrong.
        DataError: A stored image cannot be read.

    Examples:
        >>> import priorkit
        >>> from priorkit.evaluation import EvaluationSettings, evaluate_model
        >>> from priorkit.runs import load_run_data
        >>> run = priorkit.load_run("runs/first")
        >>> settings = EvaluationSettings(scores=("reconstruction-error", "elbo"), samples=20)
        >>> scores = evaluate_model(run.model, load_run_data(run), settings=settings)
        >>> [(score.name, score.skipped) for score in scores]
        [('reconstruction-error', False), ('elbo', True)]
    """
    settings = EvaluationSettings() if settings is None else settings
    book = Scorebook(choose_scores(settings.scores), data.shape.size)
    seen_by, matched_by = _named(extractor, extractor_name), _named(matcher, matcher_name)
    if book.wants(*_names("text")):
        # First, so that a wrong option of the matcher ends the evaluation before minutes of work.
        matched_by = prepare_matcher(book, model, data, matched_by)
    if book.wants(*_names("samples")):
        if seen_by is None:
            book.skip(_names("samples"), "there is no feature extractor")
        else:
            tell("samples")
            score_samples(book, model, data, seen_by.extractor, seen_by.name, settings)
    if book.wants(*_names("text")):
        tell("samples for captions")
        score_texts(book, model, data, seen_by, matched_by, settings)
    encodings = None
    if model.encoder is None:
        book.skip(_names("reconstruction", "codes", "likelihood"), _NO_ENCODER)
    elif book.wants(*_names("reconstruction", "codes", "clustering", "likelihood")):
        tell("held-out images")
        encodings = encode_held_out(model, data, settings)
        score_reconstructions(book, model, data, encodings, settings)
        named = extractor_name or type(extractor).__name__
        score_reconstruction_distance(book, model, data, encodings, extractor, named, settings)
        score_codes(book, model, encodings, settings)
        score_code_likelihood(book, model, data, encodings, settings)
    score_clusters(book, model, data, encodings, settings)
    if encodings is not None and book.wants(*_names("likelihood")):
        tell("likelihood")
        score_likelihood(book, model, data, encodings, settings)
    return book.scores()
