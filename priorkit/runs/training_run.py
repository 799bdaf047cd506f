"""Prepares new runs, and trains prepared ones."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from priorkit.config import RunConfig, resolve_config
from priorkit.data import load_data
from priorkit.distributed import Processes, abandon_processes, join_processes
from priorkit.engine import choose_device, torch_defaults
from priorkit.errors import ConfigurationError, NonFiniteLossError, RunFolderError
from priorkit.given import GivenObjects
from priorkit.interfaces import ImageData
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.chosen_settings import with_chosen_settings
from priorkit.runs.common_run import require_common_run
from priorkit.runs.environment import describe_environment
from priorkit.runs.folder import FolderTakenError, RunFolder, next_free_folder
from priorkit.runs.periodic_evaluation import PeriodicEvaluation
from priorkit.runs.recorder import Recorder
from priorkit.runs.removed_folder import noticing_removal
from priorkit.runs.report import write_report
from priorkit.runs.run import Run
from priorkit.runs.run_loading import load_run
from priorkit.runs.stop_signals import kept_generators, raise_again, stop_signals
from priorkit.runs.training_lock import training_lock
from priorkit.tracking import Tracking, recorded_trackers
from priorkit.training import Observer, Session, require_steps_taken, run_session

__all__ = ["TrainingOutcome", "TrainingRun", "prepare", "run_or_raise"]


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended.

    Attributes:
        path: The run folder.
        stopped: Why it stopped before its limit (`interrupted`, `terminated`), or None.
        steps: Total number of steps, including those before a resumption.
        images: Total number of images seen.
        seconds: Total training time in seconds.
        best: The best held-out score and its step.
        missed: The stages that were not reached before the time was up, as written in `--stages`.
        skipped: Updates skipped since the start or resumption because they were not finite (`--on-divergence skip`).

    Examples:
        >>> from priorkit import RunConfig
        >>> from priorkit.runs import prepare
        >>> config = RunConfig(networks={"name": "mlp", "hidden": 8}, batch_size=8, steps=1, device="cpu")
        >>> outcome = prepare(config, "runs/second").run()
        >>> outcome.steps, outcome.images, outcome.stopped
        (1, 8, None)
    """

    path: Path
    stopped: str | None
    steps: int
    images: int
    seconds: float
    best: Mapping[str, float]
    missed: tuple[str, ...] = ()
    skipped: int = 0


@dataclass
class TrainingRun:
    """A run that is ready to train; nothing has been written yet if it is new.

    Attributes:
        config: The resolved configuration.
        session: The session.
        data: The images.
        path: The run folder, or its future path. If the user named no folder and another run takes this one meanwhile,
            the run uses the next free one when it starts.
        resumed: Whether the run is resumed.
        processes: The processes that train the run together.
        registry: Where components come from.
        recipe: For a new run: the name of its recipe, if any.

    Examples:
        >>> from priorkit import RunConfig
        >>> from priorkit.runs import prepare
        >>> prepared = prepare(RunConfig(networks={"name": "mlp", "hidden": 8}, steps=1, device="cpu"), "runs/second")
        >>> prepared.resumed, prepared.path.exists()
        (False, False)
    """

    config: RunConfig
    session: Session
    data: ImageData
    path: Path
    resumed: bool
    processes: Processes
    registry: Registry
    recipe: str = ""
    _stem: str | None = None
    """For a new run: the stem of the default folder name; None if the user named the folder."""
    _checkpoint: Path | None = None
    """For a resumed run: the checkpoint that it resumes from; None if it has none yet."""
    _changed: bool = False
    """For a resumed run: whether the configuration differs from the one in the folder."""

    @torch_defaults()
    def run(self, observers: Sequence[Observer] = (), track: Sequence[str] | None = None) -> TrainingOutcome:
        """Trains to the end. Ctrl-C and SIGTERM stop the training after the step in progress, with a checkpoint.

        If several processes train together, all of them call this. Only the main process writes the folder and notifies
        its observers.

        Args:
            observers: The observers to notify.
            track: The names of trackers; if None, those that have followed the run before.

        Raises:
            NonFiniteLossError: Training diverged; the last good checkpoint is kept, and the report is written.
            RunFolderError: The folder cannot be written, or another process trains this run.
            ProcessesError: Another of the processes that train together has failed.
        """
        made: list[Path] = []
        with noticing_removal(lambda: made[0] if made else None), ExitStack() as until_done:
            until_done.enter_context(_abandoned_on_error(self.processes))
            if self.session.precision.device.type == "cuda":
                # Pinned memory and messages belong to the current device.
                until_done.enter_context(torch.cuda.device(self.session.precision.device))
            with self.processes.together():
                require_common_run(self.config, self.session, self.data, self.processes)
            with self.processes.together():
                told = self._begin(until_done, observers, track) if self.processes.is_main else []
            self.path = Path(self.processes.gather(str(self.path))[0])
            made.append(self.path)
            with kept_generators(self.session.precision.device), stop_signals() as stop:
                restore = self._restore if self.config.on_divergence == "rollback" else None
                try:
                    reason = run_session(self.session, told, stop, restore)
                except NonFiniteLossError as error:
                    if self.processes.is_main:
                        write_report(RunFolder.open(self.path))
                    raise NonFiniteLossError(f"{error}; {self._advice()}") from error
            with self.processes.together():
                if self.processes.is_main:
                    write_report(RunFolder.open(self.path))
        session = self.session
        planned = zip(session.config.stages or (), session.system.stages, strict=False)
        missed = tuple(str(stage) for stage, plan in planned if 0 < session.steps <= plan.begins)
        return TrainingOutcome(
            self.path,
            reason,
            session.steps,
            session.engine.images_seen,
            session.seconds,
            session.best,
            missed,
            session.engine.skipped_moves,
        )

    def _advice(self) -> str:
        """Advice after divergence: commands that resume the run."""
        step = RunFolder.open(self.path).checkpoints.step("last")
        rate = f"{self.config.learning_rate / 2:.2g}"
        return (
            f"try a lower --learning-rate: `priorkit train --resume {self.path} --learning-rate {rate}` continues "
            f"from step {step}, also with --clip-norm 1, or --on-divergence rollback or skip; or train a new run with "
            "--precision float32"
        )

    def _restore(self) -> None:
        """Loads the run's last checkpoint, to resume after divergence."""
        folder = RunFolder.open(self.path)
        checkpoint = folder.find_checkpoint("last", state=True)
        self.session.load(folder.load_weights(checkpoint), folder.load_state(checkpoint))

    def _begin(
        self, until_done: ExitStack, observers: Sequence[Observer], track: Sequence[str] | None
    ) -> list[Observer]:
        """Prepares the folder, and yields all observers of the training."""
        folder = RunFolder.open(self.path) if self.resumed else self._new_folder()
        until_done.enter_context(training_lock(folder.path))
        if self.resumed:
            self._go_on(folder)
        names = recorded_trackers(folder.path) if track is None else track
        recorder = Recorder(folder, self.config, events="tensorboard" not in names)
        until_done.callback(recorder.close)
        trackings = Tracking.of_all(names, folder.path)
        for tracking in trackings:
            until_done.callback(tracking.close)
        for tracking in trackings:
            # Before waiting for any tracker, so that all send their remaining data at the same time.
            until_done.callback(tracking.leave)
        evaluation = (
            [PeriodicEvaluation(recorder, self.registry, trackings)] if self.config.evaluate_every is not None else []
        )
        return [recorder, *evaluation, *trackings, *observers]

    def _new_folder(self) -> RunFolder:
        environment = describe_environment(self.session, self.config, self.registry, self.data)
        environment["recipe"] = self.recipe
        while True:
            try:
                return RunFolder.create(self.path, self.config, environment)
            except FolderTakenError:
                if self._stem is None:
                    raise
                self.path = next_free_folder(self.path.parent, self._stem)

    def _go_on(self, folder: RunFolder) -> None:
        now = None if folder.checkpoints.is_empty() else folder.checkpoints.intact("last")[0]
        if now != self._checkpoint:
            raise RunFolderError(
                f"another process has trained the run {str(self.path)!r} since it was loaded here; load it again"
            )
        folder.bring_up_to_date(self.config)
        if self._changed:
            # New limits also apply to later resumptions.
            folder.write_config(self.config)


@contextmanager
def _abandoned_on_error(processes: Processes) -> Iterator[None]:
    """Tells the other processes if this one leaves early, because the calling program may continue."""
    try:
        yield
    except BaseException:
        abandon_processes(processes)
        raise


@torch_defaults()
def prepare(
    config: RunConfig,
    out: str | Path | None = None,
    *,
    name: str = "",
    given: GivenObjects | None = None,
    registry: Registry | None = None,
) -> TrainingRun:
    """Loads the data and builds the networks of a new run. Writes nothing.

    If torchrun has started several processes, all must call this; they train the run together.

    Args:
        config: The configuration; unset fields have their defaults.
        out: The run folder; by default the next free `runs/NAME-DATASET-001`.
        name: For that default: the recipe's name, or the prior's if empty.
        given: Objects from Python code that replace named components.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: Something in the configuration, the data or the folder must be mended first.
        ProcessesError: Another of the processes that train together has failed.

    Examples:
        >>> from priorkit import RunConfig
        >>> from priorkit.runs import prepare
        >>> prepared = prepare(RunConfig(networks={"name": "mlp", "hidden": 8}, steps=1, device="cpu"), name="small")
        >>> prepared.path.as_posix(), len(prepared.data.train)
        ('runs/small-digits-001', 1617)
    """
    given = GivenObjects() if given is None else given
    registry = given.within(installed_plugins() if registry is None else registry)
    config = given.chosen(config)
    processes = join_processes()
    with processes.together():
        if config.fitted_to is not None:
            raise ConfigurationError(
                f"--fitted-to {config.fitted_to}: such a run starts from the other one's autoencoder; use priorkit fit "
                f"{config.fitted_to} --prior {config.prior.name}"
            )
        asked, config = config.steps, resolve_config(config, registry)
        stem = f"{name or config.prior.name}-{config.dataset.name}".replace(":", "-")
        path = Path(out) if out is not None else next_free_folder(Path("runs"), stem)
        RunFolder.check_free(path)
        choose_device(config.device, processes)
    with processes.together(), processes.first_on_machine():
        config, data = with_chosen_settings(config, load_data(config, registry, processes.local_count))
    with processes.together(), torch.random.fork_rng(devices=[]):
        session = Session(config, registry, data, processes)
        require_steps_taken(config, session.system, asked)
    return TrainingRun(
        session.config,
        session,
        data,
        path,
        resumed=False,
        processes=processes,
        registry=registry,
        recipe=name,
        _stem=stem if out is None else None,
    )


def run_or_raise(prepared: TrainingRun, observers: Sequence[Observer] = (), track: Sequence[str] | None = None) -> Run:
    """Trains a run and loads it; a signal that stops training then has its usual effect on the program."""
    stopped = prepared.run(observers, track).stopped
    if stopped is not None:
        raise_again(stopped)
    return load_run(prepared.path, device=str(prepared.session.precision.device), registry=prepared.registry)
