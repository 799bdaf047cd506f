"""Scores a run while it trains."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from priorkit.errors import DataError, MissingExtraError
from priorkit.evaluation import EvaluationSettings, build_extractor, evaluate_model
from priorkit.interfaces import FeatureExtractor
from priorkit.registry import Registry
from priorkit.runs.recorder import Recorder
from priorkit.tracking import Tracking
from priorkit.training import Observer, Session

__all__ = ["PeriodicEvaluation"]

_DRAWS = 10
"""Draws for each image in likelihood bounds: fewer than after training, because training waits."""
_LIKELIHOOD_IMAGES = 200


class PeriodicEvaluation(Observer):
    """Evaluates the model every `evaluate_every` steps and records the scores, without changing the model.

    Args:
        recorder: The recorder that writes the scores into `metrics.jsonl`.
        registry: The registry of the feature extractor.
        trackings: Trackers that receive the scores, too.
    """

    def __init__(self, recorder: Recorder, registry: Registry, trackings: Sequence[Tracking] = ()) -> None:
        self.recorder = recorder
        self.trackings = trackings
        self.registry = registry
        self._extractor: FeatureExtractor | None = None

    def started(self, session: Session) -> None:
        """Prepares the feature extractor, so that a mistake in its options ends the run now and not hours later."""
        config, device = session.config, session.precision.device
        self._extractor = build_extractor(config, self.registry, session.data.shape, device)
        with suppress(DataError, MissingExtraError):
            # The scores of this extractor will be skipped.
            self._extractor.prepare(session.data)

    def scores_due(self, session: Session) -> Mapping[str, float]:
        """Evaluates the model and records the scores."""
        config = session.config
        samples = config.evaluate_samples
        settings = EvaluationSettings(
            samples=samples,
            importance_samples=_DRAWS,
            likelihood_images=min(samples, _LIKELIHOOD_IMAGES),
            seed=config.seed,
            binarise=config.binarise,
        )
        name = config.extractor.name
        scores = evaluate_model(session.model, session.data, self._extractor, settings, extractor_name=name)
        # A metric's name starts with its extractor: `classifier_frechet_distance`.
        found = {
            "_".join((*([str(item.extractor["name"])] if item.extractor else []), item.name.replace("-", "_"))): item
            for item in scores
        }
        values = {name: score.value for name, score in found.items() if score.value is not None}
        if values:
            self.recorder.scored(session, values)
            for tracking in self.trackings:
                tracking.scored(session, values)
        return values
