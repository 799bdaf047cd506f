"""One trial: trains or resumes a run in a separate process, and scores it."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from priorkit.config import RunConfig, flag_for, resolve_config
from priorkit.errors import NonFiniteLossError, RunFolderError
from priorkit.evaluation import EvaluationSettings
from priorkit.jobs import Channel
from priorkit.registry import Registry, installed_plugins
from priorkit.runs import (
    RunFolder,
    TrainingRun,
    evaluate_run,
    load_run,
    prepare,
    prepare_resumed,
    read_evaluations,
    read_position,
)
from priorkit.runs.chosen_settings import is_chosen_for_data
from priorkit.studies import summarise_run
from priorkit.studies.documents import write_document
from priorkit.studies.run_summary import DIVERGED
from priorkit.studies.study_file import MAY_CHANGE, NOT_TRAINING
from priorkit.training import Observer, Review, Session

__all__ = ["TrialJob", "carry_out_trial", "refuse_other_run"]


@dataclass(frozen=True)
class TrialJob:
    """The job of a process.

    Attributes:
        config: The resolved configuration.
        folder: The run folder; an existing run is resumed.
        scores: The scores to compute after training.
        samples: Number of samples for scores.
    """

    config: RunConfig
    folder: Path
    scores: tuple[str, ...]
    samples: int


class _Teller(Observer):
    """Reports the start and the reviews of a run, and ends the run on request."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.pruned = False

    def started(self, session: Session) -> None:
        """Reports the device."""
        where = f"{session.precision.device} in {session.precision.name}"
        self.channel.tell("training", where=where, step=session.steps)

    def stepped(self, session: Session) -> None:
        """Ends a run that does worse than others, like SIGTERM, with a checkpoint."""
        if not self.pruned and self.channel.asked("prune"):
            self.pruned = True
            signal.raise_signal(signal.SIGTERM)

    def reviewed(self, session: Session, review: Review) -> None:
        """Reports a review."""
        self.channel.tell("review", step=session.steps, seconds=session.seconds, scores=review.scores)


def carry_out_trial(job: TrialJob, channel: Channel) -> dict[str, Any]:
    """Trains or resumes a trial's run, and scores it.

    Returns:
        `figures` of the run by name; `stopped`, why training ended early, or None; and whether it was `pruned`.

    Raises:
        PriorkitError: The configuration, the data or the folder cannot be used.
        NonFiniteLossError: Training diverged.
    """
    registry, teller = installed_plugins(), _Teller(channel)
    stopped = None
    if not _is_complete(job.folder):
        try:
            stopped = _prepared(job, registry).run([teller]).stopped
        except NonFiniteLossError as error:
            write_document(job.folder / DIVERGED, f"{error}\n")
            raise
    if stopped is None and job.scores:
        _score(job, registry, channel)
    return {"figures": _figures(job), "stopped": stopped, "pruned": teller.pruned and stopped is not None}


def refuse_other_run(config: RunConfig, folder: Path, registry: Registry) -> None:
    """Checks that a trial's folder is free, or holds a run with the trial's configuration.

    Raises:
        RunFolderError: The folder holds a run of another sweep, whose figures would be taken for the trial's.
        ConfigurationError: The run's configuration is damaged.
    """
    run = RunFolder(folder)
    if not run.config.is_file():
        # There is no run yet; if something else is there, training will report it.
        return
    kept = resolve_config(run.read_config(), registry).model_dump(mode="json")
    now = config.model_dump(mode="json")
    for key in RunConfig.model_fields:
        other = kept[key] != now[key] and not is_chosen_for_data(key, config)
        if key not in (*MAY_CHANGE, *NOT_TRAINING) and other:
            raise RunFolderError(
                f"{str(folder)!r} belongs to another sweep: it was trained with {flag_for((key,))} {kept[key]!r}, but "
                f"this sweep's trial has {now[key]!r}; name another folder with --out, or move that run away"
            )


def _is_there(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _is_complete(folder: Path) -> bool:
    return _is_there(folder) and read_position(RunFolder.open(folder)).complete


def _prepared(job: TrialJob, registry: Registry) -> TrainingRun:
    if not _is_there(job.folder):
        return prepare(job.config, job.folder, registry=registry)
    changes = {key: getattr(job.config, key) for key in MAY_CHANGE}
    return prepare_resumed(job.folder, changes, registry=registry)


def _evaluation_settings(job: TrialJob) -> EvaluationSettings:
    return EvaluationSettings(scores=job.scores, samples=job.samples, binarise=job.config.binarise)


def _found(job: TrialJob) -> dict[str, float]:
    """The existing scores of the last checkpoint with the same settings."""
    folder = RunFolder.open(job.folder)
    if not job.scores or not folder.checkpoints.has("last"):
        return {}
    asked, checkpoint = _evaluation_settings(job).as_data(), folder.checkpoints.path("last").name
    return {
        score["name"]: float(score["value"])
        for evaluation in read_evaluations(folder.scores)
        if evaluation.get("settings") == asked and evaluation.get("checkpoint") == checkpoint
        for score in evaluation["scores"]
        if score["value"] is not None
    }


def _score(job: TrialJob, registry: Registry, channel: Channel) -> None:
    if not set(job.scores) - set(_found(job)):
        return
    channel.tell("scoring")
    run = load_run(job.folder, device=job.config.device, registry=registry)
    evaluate_run(run, _evaluation_settings(job), registry=registry).save(run.folder.scores)


def _figures(job: TrialJob) -> dict[str, float]:
    """All figures of a run, by name."""
    summary = summarise_run(job.folder)
    parameters = RunFolder.open(job.folder).read_environment()["parameters"]
    return {
        **summary.held_out,
        **_found(job),
        "seconds": summary.seconds,
        "parameters": sum(parameters.values()),
        "steps": summary.steps,
        "images": summary.images,
    }
