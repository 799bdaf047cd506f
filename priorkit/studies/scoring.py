"""Scores the runs of a study, all with the same extractor and number of samples."""

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
    """The settings for evaluating the runs of a study.

    Args:
        samples: Number of samples.
        scores: Names of scores or groups.
    """
    return EvaluationSettings(scores=scores, samples=samples)


def study_evaluations(folder: RunFolder, samples: int, scores: tuple[str, ...] = SAMPLE_SCORES) -> list[dict[str, Any]]:
    """The evaluations of a run's last checkpoint in `scores.json` that have the study's settings.

    Args:
        folder: The run folder.
        samples: Number of samples for the study's scores; 0 returns no evaluations.
        scores: Names of the study's scores or groups.

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
    """Scores runs, and saves the scores in their folders.

    Args:
        request: The request for the study.
        registry: Where components come from.
    """

    def __init__(self, request: Request, registry: Registry) -> None:
        self.request = request
        self.registry = registry

    def misses(self, run: PlannedRun) -> bool:
        """Whether a run still needs scores: also if it was evaluated, but its samples could not be scored."""
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
        """Scores a run, and appends the scores to those in its folder.

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
