"""Scores the runs of a study, all by the same extractor and from equally many samples."""

from collections.abc import Mapping
from typing import Any

from priorkit.evaluation import EvaluationSettings
from priorkit.registry import Registry
from priorkit.runs import RunFolder, evaluate_run, load_run, read_evaluations
from priorkit.studies.plan import PlannedRun, Request
from priorkit.studies.sampling_time import measure_sampling_time
from priorkit.studies.study import SAMPLE_SCORES

__all__ = ["RunScorer", "evaluation_settings", "study_evaluations"]


def evaluation_settings(samples: int, scores: tuple[str, ...] = SAMPLE_SCORES) -> EvaluationSettings:
    """How the runs of a study are scored.

    Args:
        samples: Samples that scores are of.
        scores: Which scores.
    """
    return EvaluationSettings(scores=scores, samples=samples)


def study_evaluations(folder: RunFolder, samples: int, scores: tuple[str, ...] = SAMPLE_SCORES) -> list[dict[str, Any]]:
    """The evaluations in a run's `scores.json` that were made as a study makes them, of its last checkpoint.

    Args:
        folder: The run.
        samples: Samples that scores are of; 0 for none.
        scores: Which scores the study gives its runs.

    Raises:
        RunFolderError: A file of the run is damaged.
    """
    if not samples or not folder.checkpoints.has("last"):
        return []
    settings, checkpoint = evaluation_settings(samples, scores).as_data(), folder.checkpoints.path("last").name
    return [
        evaluation
        for evaluation in read_evaluations(folder.scores)
        if evaluation.get("settings") == settings and evaluation.get("checkpoint") == checkpoint
    ]


def _has_scores_of_samples(evaluation: Mapping[str, Any]) -> bool:
    return any(item["name"] == SAMPLE_SCORES[0] and item["value"] is not None for item in evaluation["scores"])


class RunScorer:
    """Scores runs, and keeps their scores in their folders.

    Args:
        request: The study.
        registry: Where components come from.
    """

    def __init__(self, request: Request, registry: Registry) -> None:
        self.request = request
        self.registry = registry

    def misses(self, run: PlannedRun) -> bool:
        """Whether a run is still to be scored: also if it was tried, and its samples could not be."""
        if not self.request.samples:
            return False
        extractor = run.config.extractor.model_dump(mode="json")
        return not any(
            evaluation.get("extractor") == extractor and _has_scores_of_samples(evaluation)
            for evaluation in study_evaluations(
                RunFolder.open(run.path), self.request.samples, self.request.study.scores
            )
        )

    def score(self, run: PlannedRun) -> None:
        """Scores a run, and writes the scores behind those in its folder.

        Raises:
            PriorkitError: The run or its data cannot be loaded, or the folder cannot be written.
        """
        loaded = load_run(run.path, device=run.config.device, registry=self.registry)
        evaluation = evaluate_run(
            loaded,
            evaluation_settings(self.request.samples, self.request.study.scores),
            extractor=run.config.extractor.model_dump(mode="json"),
            data_dir=run.config.data_dir,
            registry=self.registry,
        )
        evaluation.save(loaded.folder.scores)
        if self.request.study.has_fits:
            measure_sampling_time(loaded, self.request.samples)
