"""Trains runs: new ones, and those that go on."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from priorkit.config import RunConfig, flag_for, resolve_config, validate_settings
from priorkit.engine import choose_device
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.interfaces import ImageData
from priorkit.plugins import Registry, installed_plugins
from priorkit.runs.environment import data_fingerprint, describe_environment, recorded_shape
from priorkit.runs.folder import RunFolder, next_free_folder
from priorkit.runs.recorder import Recorder
from priorkit.runs.report import write_report
from priorkit.runs.run import Run, load_run, require_plugins
from priorkit.training import Observer, Session, load_data, run_session

__all__ = ["RESUMABLE", "Outcome", "TrainingRun", "prepare", "prepare_resumed", "train"]

RESUMABLE = ("steps", "epochs", "max_time", "device")
"""Settings that may change when a run goes on: how long, and where."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
        path: The run folder.
        stopped: Why it stopped before its limit (`interrupted`, `terminated`), or None.
        steps: Steps done in all.
        images: Images seen in all.
        seconds: Training time in all.
        best: The best held-out score and its step.
    """

    path: Path
    stopped: str | None
    steps: int
    images: int
    seconds: float
    best: Mapping[str, float]


@dataclass
class TrainingRun:
    """A run that is ready to train; nothing has been written yet if it is new.

    Attributes:
        config: The resolved configuration.
        session: What is trained.
        data: The images.
        path: The run folder, or where it will be.
        resumed: Whether it goes on from a checkpoint.
    """

    config: RunConfig
    session: Session
    data: ImageData
    path: Path
    resumed: bool
    _registry: Registry

    def run(self, observers: Sequence[Observer] = ()) -> Outcome:
        """Trains to the end. Ctrl-C and SIGTERM stop it after the step in progress, with a checkpoint.

        Raises:
            NonFiniteLossError: Training diverged; the last good checkpoint is kept.
            RunFolderError: The folder cannot be written.
        """
        if self.resumed:
            folder = RunFolder.open(self.path)
            if resolve_config(folder.read_config(), self._registry) != self.config:
                # New limits hold for whoever goes on the next time, too.
                folder.write_config(self.config)
        else:
            environment = describe_environment(self.session, self.config, self._registry, self.data)
            folder = RunFolder.create(self.path, self.config, environment)
        recorder = Recorder(folder, self.config)
        try:
            with _kept_generators(self.session.precision.device), _stop_signals() as stop:
                reason = run_session(self.session, [recorder, *observers], stop)
        finally:
            recorder.close()
        write_report(folder)
        session = self.session
        return Outcome(self.path, reason, session.steps, session.engine.images_seen, session.seconds, session.best)


@contextmanager
def _kept_generators(device: torch.device) -> Iterator[None]:
    """The engine seeds torch's global generators; a caller's own randomness goes on as if it had not."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def _stop_signals() -> Iterator[Callable[[], str | None]]:
    """Gives a function that says whether, and by what, the process has been asked to stop."""
    asked: list[str] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if asked:
            # Asked twice: the user will not wait for the checkpoint.
            raise KeyboardInterrupt
        asked.append("interrupted" if number == signal.SIGINT else "terminated")

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handle)
    except ValueError:
        # Only the main thread may handle signals; elsewhere the program around us does.
        pass
    try:
        yield lambda: asked[0] if asked else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def prepare(
    config: RunConfig, out: str | Path | None = None, *, name: str = "", registry: Registry | None = None
) -> TrainingRun:
    """Loads the data and builds the networks of a new run. Writes nothing.

    Args:
        config: The configuration; what it leaves open gets its default.
        out: The run folder; by default the next free `runs/NAME-DATASET-001`.
        name: For that default: the recipe's name, or the prior's if empty.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: Something in the configuration, the data or the folder must be mended first.
    """
    registry = installed_plugins() if registry is None else registry
    config = resolve_config(config, registry)
    stem = f"{name or config.prior.name}-{config.dataset.name}".replace(":", "-")
    path = Path(out) if out is not None else next_free_folder(Path("runs"), stem)
    RunFolder.check_free(path)
    choose_device(config.device)
    data = load_data(config, registry)
    with torch.random.fork_rng(devices=[]):
        session = Session(config, registry, data)
    return TrainingRun(config, session, data, path, resumed=False, _registry=registry)


def prepare_resumed(
    path: str | Path, changes: Mapping[str, Any] | None = None, *, registry: Registry | None = None
) -> TrainingRun:
    """Loads a run to go on with it, as if it had never stopped. Writes nothing.

    Args:
        path: The run folder.
        changes: New values of `steps`, `epochs`, `max_time` or `device`; None stands for no new value.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        RunFolderError: The folder is no run, or has no checkpoint that fits its configuration.
        UnknownComponentError: A plug-in that the run used is not installed.
        ConfigurationError: The configuration or the data has changed since the run started, or is asked to.
    """
    registry = installed_plugins() if registry is None else registry
    folder = RunFolder.open(Path(path))
    environment = folder.read_environment()
    require_plugins(folder, environment, registry)
    state = folder.checkpoints.load_state("last")
    config = resolve_config(folder.read_config(), registry)
    _refuse_changes(folder, config, validate_settings(state["config"]))
    config = _with_changes(folder, config, changes or {})
    data = load_data(config, registry)
    if data_fingerprint(data) != environment["data"].get("fingerprint"):
        recorded = environment["data"]
        raise ConfigurationError(
            f"the data set is not the one that {str(folder.path)!r} was started with: it has {len(data.train)} "
            f"training and {len(data.test)} held-out images of shape {tuple(data.shape)} now, and had "
            f"{recorded.get('train')} and {recorded.get('held_out')} of shape {tuple(recorded_shape(environment))}, or "
            "other pixels; put it back, or train a new run"
        )
    with torch.random.fork_rng(devices=[]):
        session = Session(config, registry, data)
    weights = folder.checkpoints.load_weights("last")
    try:
        session.load(weights, state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise RunFolderError(
            f"the checkpoint {str(folder.checkpoints.path())!r} does not fit the networks that {str(folder.config)!r} "
            f"describes: has a plug-in changed? ({str(error).splitlines()[0]})"
        ) from None
    return TrainingRun(config, session, data, folder.path, resumed=True, _registry=registry)


def _refuse_changes(folder: RunFolder, config: RunConfig, started: RunConfig) -> None:
    now, then = config.model_dump(mode="json"), started.model_dump(mode="json")
    changed = [key for key in now if now[key] != then[key] and key not in RESUMABLE]
    if changed:
        key = changed[0]
        raise ConfigurationError(
            f"{str(folder.config)!r} was changed since the run started: {key} was {then[key]!r} "
            f"and is now {now[key]!r}; put it back, or train a new run from it"
        )


def _with_changes(folder: RunFolder, config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    changes = {key: value for key, value in changes.items() if value is not None}
    refused = sorted(set(changes) - set(RESUMABLE))
    if refused:
        raise ConfigurationError(
            f"--resume goes on with the run as it was configured, and {flag_for((refused[0],))} would change it; "
            f"leave it out, or start a new run: priorkit train {folder.config} {flag_for((refused[0],))} ..."
        )
    settings = config.model_dump()
    if set(changes) & {"steps", "epochs", "max_time"}:
        # A new limit replaces the old ones, whichever kind they were of.
        settings.update(steps=None, epochs=None, max_time=None)
    return validate_settings({**settings, **changes})


def train(
    config: RunConfig | None = None,
    out: str | Path | None = None,
    *,
    observers: Sequence[Observer] = (),
    registry: Registry | None = None,
) -> Run:
    """Trains a new run and loads it.

    Args:
        config: The configuration; the default one trains a learned prior on scikit-learn's digits.
        out: The run folder; by default the next free one under `runs/`.
        observers: Told what happens; `priorkit.training.Observer` says what there is to be told.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: Something in the configuration, the data or the folder must be mended first.
        NonFiniteLossError: Training diverged.
    """
    prepared = prepare(config or RunConfig(), out, registry=registry)
    prepared.run(observers)
    return load_run(prepared.path, device=str(prepared.session.precision.device), registry=registry)
