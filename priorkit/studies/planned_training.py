"""Prepares the training of one run of a study, new or resumed."""

from pathlib import Path

from priorkit.errors import RunFolderError
from priorkit.registry import Registry
from priorkit.runs import RunFolder, TrainingRun, prepare, prepare_fit, prepare_resumed, read_position
from priorkit.studies.plan import PlannedRun
from priorkit.studies.run_summary import DIVERGED
from priorkit.studies.study_file import MAY_CHANGE

__all__ = ["is_there", "is_whole", "prepare_planned"]


def is_whole(path: Path) -> bool:
    """Whether a run is complete: trained to its end, without having diverged."""
    there = path.is_dir() and any(path.iterdir()) and not (path / DIVERGED).exists()
    return there and read_position(RunFolder.open(path)).complete


def is_there(run: PlannedRun) -> bool:
    """Whether a run's folder exists and is not empty."""
    return run.path.is_dir() and any(run.path.iterdir())


def prepare_planned(run: PlannedRun, registry: Registry) -> TrainingRun:
    """Prepares a run for training, or for resuming it.

    Raises:
        PriorkitError: Something in the settings, the data or the folder must be corrected first.
    """
    if is_there(run):
        if not RunFolder.open(run.path).checkpoints.has("last"):
            raise RunFolderError(
                f"{str(run.path)!r} was stopped before its first checkpoint: remove that folder, and give the same "
                "command again"
            )
        changes = {key: getattr(run.config, key) for key in MAY_CHANGE}
        return prepare_resumed(run.path, changes, registry=registry)
    if run.fitted_to is None:
        return prepare(run.config, run.path, registry=registry)
    return prepare_fit(run.fitted_to, run.fit, run.path, registry=registry)
