"""Resumes runs that were stopped or killed, and prolongs complete ones."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from priorkit.config import (
    LIMITS,
    RunConfig,
    flag_for,
    format_duration,
    merge_settings,
    require_reached_stages,
    resolve_config,
    validate_settings,
)
from priorkit.data import load_data
from priorkit.distributed import Processes, join_processes
from priorkit.errors import (
    ConfigurationError,
    DamagedCheckpointError,
    PriorkitError,
    RunFolderError,
    RunFolderWarning,
)
from priorkit.given import GivenObjects
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.fitting import begin_fit
from priorkit.runs.folder import RunFolder
from priorkit.runs.given_again import refuse_others, require_data_again
from priorkit.runs.metrics_file import read_metrics
from priorkit.runs.recognised_data import require_same_data
from priorkit.runs.report import report_step
from priorkit.runs.training_run import TrainingRun
from priorkit.runs.used_plugins import require_plugins, with_used_plugins
from priorkit.training import Session, require_steps_taken

__all__ = ["RESUMABLE", "prepare_resumed"]

RESUMABLE = (
    *LIMITS,
    "device",
    "data_dir",
    "stream",
    "workers",
    "compile",
    "cuda_graphs",
    "extractor",
    "evaluate_every",
    "evaluate_samples",
    "keep_checkpoints",
    "learning_rate",
    "learning_rates",
    "clip_norm",
    "on_divergence",
)
"""Settings that may change when a run is resumed: its length, device and speed, the place of its (unchanged) data and
how it is read, evaluations, the number of checkpoints kept, and learning rates, as after divergence."""


def prepare_resumed(
    path: str | Path,
    changes: Mapping[str, Any] | None = None,
    *,
    given: GivenObjects | None = None,
    registry: Registry | None = None,
) -> TrainingRun:
    """Loads a run to resume it, as if it had never stopped. Writes nothing.

    A run that was killed before its first checkpoint starts from the beginning.

    Args:
        path: The run folder.
        changes: New values of the settings in `RESUMABLE`; None stands for no new value.
        given: The objects that Python code gave to the run, given again.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        RunFolderError: The folder is not a run, its checkpoints are damaged, or none fits its configuration.
        UnknownComponentError: A plug-in that the run used is not installed.
        ConfigurationError: The configuration or the data has changed since the run started; `changes` has settings that
            must not change; or the run has reached its limit.

    Examples:
        >>> from priorkit.runs import prepare_resumed
        >>> prepared = prepare_resumed("runs/first", {"steps": 4})
        >>> prepared.session.steps, prepared.run().steps
        (2, 4)
    """
    given = GivenObjects() if given is None else given
    registry = given.within(installed_plugins() if registry is None else registry)
    processes = join_processes()
    with processes.together():
        folder = RunFolder.open(Path(path))
        environment = folder.read_environment()
        refuse_others(folder.path, environment, given)
        require_plugins(folder.path, environment, registry)
        require_data_again(folder.path, environment, registry, training=True)
        checkpoint = _checkpoint(folder)
        kept = with_used_plugins(folder.read_config(), environment, registry, folder.config)
        kept = resolve_config(kept, registry)
        state: Mapping[str, Any] = {}
        if checkpoint is not None:
            with _left_in_place(folder, checkpoint):
                state = folder.load_state(checkpoint)
            # Resolved, too: newer options of components then have their defaults in both.
            started = _started(checkpoint, state)
            started = resolve_config(with_used_plugins(started, environment, registry), registry)
            _refuse_changes(folder, kept, started)
        _refuse_other_processes(folder, kept, environment, processes)
        config = _with_changes(folder, kept, changes or {}, registry)
        rows = read_metrics(folder, strict=True)
    with processes.together(), processes.first_on_machine():
        data = load_data(config, registry, processes.local_count)
    with processes.together():
        require_same_data(data, folder.path, environment)
        with torch.random.fork_rng(devices=[]):
            # An automatically chosen precision is kept, whatever this machine would choose.
            pinned = config.model_copy(update={"precision": environment["precision"]})
            session = Session(pinned, registry, data, processes)
        if checkpoint is not None:
            _load(session, folder, checkpoint, state)
        elif config.fitted_to is not None:
            begin_fit(session, data, registry)
        require_steps_taken(config, session.system, config.steps if (changes or {}).get("steps") is not None else None)
        _refuse_limit(folder, session, rows, prolonged=any((changes or {}).get(name) is not None for name in LIMITS))
    return TrainingRun(
        config,
        session,
        data,
        folder.path,
        resumed=True,
        processes=processes,
        registry=registry,
        _checkpoint=checkpoint,
        _changed=config != kept,
    )


def _checkpoint(folder: RunFolder) -> Path | None:
    """The checkpoint to resume from; None, with a warning, if nothing has been saved."""
    if not folder.checkpoints.is_empty():
        return folder.find_checkpoint("last", state=True)
    warnings.warn(
        f"{str(folder.path)!r} has no checkpoint: it was stopped before the first, so it begins again at step 0",
        RunFolderWarning,
        stacklevel=2,
    )
    return None


@contextmanager
def _left_in_place(folder: RunFolder, checkpoint: Path) -> Iterator[None]:
    """Inside this context, a checkpoint is read that another process may remove after it has saved the next."""
    try:
        yield
    except DamagedCheckpointError as error:
        if checkpoint.is_dir():
            raise
        raise RunFolderError(
            f"another process is training the run {str(folder.path)!r}: wait until it is done, or stop it"
        ) from error


def _load(session: Session, folder: RunFolder, checkpoint: Path, state: Mapping[str, Any]) -> None:
    with _left_in_place(folder, checkpoint):
        weights = folder.load_weights(checkpoint)
    try:
        session.load(weights, state)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"the checkpoint {str(checkpoint)!r} does not fit the networks that {str(folder.config)!r} "
            f"describes: has a plug-in changed? ({(str(error) or type(error).__name__).splitlines()[0]})"
        ) from None


def _refuse_other_processes(
    folder: RunFolder, config: RunConfig, environment: Mapping[str, Any], processes: Processes
) -> None:
    """Refuses another number of processes, unless batch norm uses the whole batch's statistics."""
    before = environment.get("processes", 1)
    if not config.synchronise_batch_norm and processes.count != before:
        raise ConfigurationError(
            f"{str(folder.path)!r} was started by {before} process(es) with --no-synchronise-batch-norm, so another "
            f"number of them ({processes.count} now) would train differently; use {before} again"
        )


def _started(checkpoint: Path, state: Mapping[str, Any]) -> RunConfig:
    """The configuration stored in a checkpoint."""
    try:
        return validate_settings(state["config"])
    except (KeyError, TypeError, PriorkitError) as error:
        raise RunFolderError(
            f"the checkpoint {str(checkpoint)!r} holds no configuration of a run "
            f"({type(error).__name__}: {error}); restore its state.pt, or train the run again"
        ) from None


def _refuse_limit(folder: RunFolder, session: Session, rows: list[dict[str, float]], *, prolonged: bool) -> None:
    """Refuses a complete run: steps, or the final review and report, must be left to do."""
    if not session.finished():
        return
    steps, config = session.steps, session.config
    time = format_duration(session.seconds)
    if prolonged and session.system.stages[-1].ends is not None:
        raise ConfigurationError(
            f"the run has {steps} steps, and its last one has fitted the prior to all codes: there is nothing to "
            "prolong; fit another prior with priorkit fit"
        )
    if prolonged and config.steps is not None and steps >= config.steps:
        raise ConfigurationError(
            f"the run has {steps} steps already; --steps counts from the start: use --steps M with M > {steps}"
        )
    if prolonged:
        raise ConfigurationError(
            f"the run has {steps} steps and {time} of training already; --epochs and --max-time count from the start: "
            "give more"
        )
    reviewed = {row["step"] for row in rows if any(name.startswith("held_out/") for name in row)}
    if steps in reviewed and report_step(folder) == steps:
        raise ConfigurationError(
            f"{str(folder.path)!r} has reached its limit ({steps} steps, {time}); prolong it with --steps, as in "
            f"priorkit train --resume {folder.path} --steps {max(1, 2 * steps)}"
        )


def _refuse_changes(folder: RunFolder, config: RunConfig, started: RunConfig) -> None:
    now, then = config.model_dump(mode="json"), started.model_dump(mode="json")
    changed = [key for key in now if now[key] != then[key] and key not in RESUMABLE]
    if changed:
        key = changed[0]
        raise ConfigurationError(
            f"{str(folder.config)!r} was changed since the run started: {key} was {then[key]!r} "
            f"and is now {now[key]!r}; put it back, or train a new run from it"
        )


def _with_changes(folder: RunFolder, config: RunConfig, changes: Mapping[str, Any], registry: Registry) -> RunConfig:
    changes = {key: value for key, value in changes.items() if value is not None}
    refused = sorted(set(changes) - set(RESUMABLE))
    if refused:
        raise ConfigurationError(
            f"--resume keeps the run's configuration, but {flag_for((refused[0],))} would change it; "
            f"leave it out, or start a new run: priorkit train {folder.config} {flag_for((refused[0],))} ..."
        )
    settings = config.model_dump()
    if set(changes) & set(LIMITS):
        # A new limit replaces all old ones, of whatever kind.
        settings.update(dict.fromkeys(LIMITS))
    changed = validate_settings(merge_settings(settings, changes))
    require_reached_stages(changed)
    if "extractor" in changes:
        changed = resolve_config(changed, registry)
    return changed.model_copy(update={"data_dir": changed.data_dir.absolute()}) if changed.data_dir else changed
