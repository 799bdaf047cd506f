"""Evaluates a run, and saves the scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from priorkit.config import RunConfig, resolve_config
from priorkit.engine import torch_defaults
from priorkit.evaluation import (
    DEFAULT_MATCHER,
    EvaluationSettings,
    Score,
    build_extractor,
    build_matcher,
    choose_scores,
    evaluate_model,
)
from priorkit.evaluation.caption_matching import MATCHED
from priorkit.evaluation.extractors import named_by_flag
from priorkit.interfaces import ImageData
from priorkit.registry import Registry
from priorkit.runs.run import Run
from priorkit.runs.run_data import load_run_data
from priorkit.runs.scores_file import append_evaluation

__all__ = ["Evaluation", "evaluate_run"]


@dataclass(frozen=True)
class Evaluation:
    """The result of evaluating a run.

    Attributes:
        scores: The scores, including skipped ones.
        about: The conditions of the evaluation: time, versions, checkpoint, settings, extractor, matcher (None if
            unused), device.

    Examples:
        >>> from priorkit.evaluation import Score
        >>> from priorkit.runs import Evaluation
        >>> evaluation = Evaluation([Score("frechet-distance", "FID", 12.5)], {"checkpoint": "step-00000002"})
        >>> data = evaluation.as_data()
        >>> data["checkpoint"], data["scores"][0]["value"]
        ('step-00000002', 12.5)
    """

    scores: list[Score]
    about: Mapping[str, Any]

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**self.about, "scores": [score.as_data() for score in self.scores]}

    def save(self, path: Path) -> None:
        """Appends this evaluation to those in a file.

        Raises:
            RunFolderError: The file cannot be written, or does not hold evaluations.
        """
        append_evaluation(path, self.as_data())


@torch_defaults()
def evaluate_run(
    run: Run,
    settings: EvaluationSettings | None = None,
    *,
    extractor: Mapping[str, Any] | str | None = None,
    matcher: Mapping[str, Any] | str | None = None,
    data: ImageData | None = None,
    data_dir: Path | None = None,
    registry: Registry | None = None,
    tell: Callable[[str], None] = lambda doing: None,
) -> Evaluation:
    """Computes scores of a trained run; writes nothing.

    Args:
        run: The run, loaded on the device to compute on.
        settings: The scores and the numbers of images; if None, all scores of 10,000 samples, with held-out images in
            black and white if the run was trained on such.
        extractor: A feature extractor's name, or a table with its options; the run's own if None.
        matcher: The name of a feature extractor that reads texts, or a table with its options, for scores of captions.
            If None, `two-tower`, if the run's images are conditioned on texts.
        data: The run's data, if it is loaded already.
        data_dir: The current place of the data, if it has moved.
        registry: Where components come from; those of the run if None.
        tell: Called with a text before each part of the work.

    Raises:
        ConfigurationError: A score, or an option of the extractor or matcher, is wrong; the matcher does not read
            texts; or the data differs from the run's.
        UnknownComponentError: There is no such extractor or matcher.
        DataError: The data is missing or broken.

    Examples:
        >>> from priorkit import load_run
        >>> from priorkit.evaluation import EvaluationSettings
        >>> from priorkit.runs import evaluate_run
        >>> settings = EvaluationSettings(scores=("reconstruction-error",), samples=100)
        >>> [score] = evaluate_run(load_run("runs/first", device="cpu"), settings).scores
        >>> score.label, score.value > 0
        ('reconstruction error (MSE)', True)
    """
    registry = run.registry if registry is None else registry
    settings = EvaluationSettings(binarise=run.config.binarise) if settings is None else settings
    choose_scores(settings.scores)
    chosen = run.config if extractor is None else run.config.model_copy(update={"extractor": _choice(extractor)})
    config = resolve_config(chosen, registry)
    made = build_extractor(config, registry, run.shape, run.model.device)
    condition = run.model.condition
    if matcher is None and condition is not None and condition.reads_text:
        matcher = DEFAULT_MATCHER if DEFAULT_MATCHER in registry.names("extractor") else None
    matching, matched_by = None, None
    if matcher is not None:
        with named_by_flag("--matcher"):
            matching = resolve_config(config.model_copy(update={"extractor": _choice(matcher)}), registry)
        matched_by = build_matcher(matching, registry, run.shape, run.model.device)
    if data is None:
        tell("reading the data")
        data = load_run_data(run, data_dir, registry=registry)
    scores = evaluate_model(
        run.model,
        data,
        made,
        settings,
        extractor_name=config.extractor.name,
        matcher=matched_by,
        matcher_name=matching.extractor.name if matching is not None else "",
        tell=tell,
    )
    used = matching is not None and any(score.name in MATCHED and not score.skipped for score in scores)
    about = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "priorkit": version("priorkit"),
        "checkpoint": run.checkpoint,
        "device": str(run.model.device),
        "precision": run.model.precision.name,
        "settings": settings.as_data(),
        "extractor": config.extractor.model_dump(mode="json"),
        "matcher": matching.extractor.model_dump(mode="json") if matching is not None and used else None,
    }
    return Evaluation(scores, about)


def _choice(extractor: Mapping[str, Any] | str) -> Any:
    return RunConfig.model_validate({"extractor": extractor}).extractor
