"""`priorkit train`."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from priorkit.cli.run_command import TrainArguments
from priorkit.cli.run_flags import parse_train_arguments
from priorkit.config import RunConfig, flag_for, format_duration, validate_settings
from priorkit.display.console import Console
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.interfaces import ImageData
    from priorkit.runs import TrainingOutcome, TrainingRun

__all__ = ["run_and_tell", "train_command"]

_NAMED = 20
"""Maximal number of class names to print."""
_STATUS = {"interrupted": 128 + signal.SIGINT, "terminated": 128 + signal.SIGTERM}


def train_command(arguments: Sequence[str], registry: Registry) -> int:
    """Trains or resumes a run; returns the exit status."""
    asked = _parse(arguments, registry)
    if asked.help is not None:
        if os.environ.get("RANK", "0") == "0":
            print(asked.help, end="")
        return 0

    # Imported late: the code above works without torch.
    from priorkit.runs import prepare, prepare_resumed
    from priorkit.tracking import tracker_names

    tracker_names(asked.track or ())
    if asked.resume is not None:
        return run_and_tell(prepare_resumed(asked.resume, asked.flags, registry=registry), asked)
    name = "" if asked.recipe.endswith(".toml") else asked.recipe
    try:
        run = prepare(validate_settings(asked.settings), asked.out, name=name, registry=registry)
    except ConfigurationError as error:
        raise _blame_recipe(error, asked) from error
    return run_and_tell(run, asked)


def run_and_tell(run: TrainingRun, asked: TrainArguments) -> int:
    """Trains a prepared run, and prints its progress and result; returns the exit status."""
    from priorkit.cli.memory import keep_freed_memory
    from priorkit.display.progress import Progress
    from priorkit.distributed import leave_processes
    from priorkit.evaluation.unbiased import BELOW_ZERO, UNBIASED
    from priorkit.runs import RunFolder, latest_picture
    from priorkit.tracking import tracker_names
    from priorkit.training import Observer, Session

    track = None if asked.track is None else tracker_names(asked.track)

    def held_out(name: str, value: float) -> str:
        return f"{value:.4f}" + (f" ({BELOW_ZERO})" if name in UNBIASED and value < 0 else "")

    def summary(outcome: TrainingOutcome) -> list[tuple[str, str]]:
        folder = RunFolder(outcome.path)
        rows = [
            ("steps", f"{outcome.steps} ({outcome.images} images)"),
            ("training time", format_duration(outcome.seconds)),
            *((f"held-out {name.replace('_', ' ')}", held_out(name, value)) for name, value in progress.scores.items()),
        ]
        if outcome.skipped:
            rows.append(("updates skipped", f"{outcome.skipped}: a loss or gradient was infinite or not a number"))
        if outcome.best:
            by_features, score = "features" in outcome.best, outcome.best["score"]
            told = f"{'Fréchet distance ' if by_features else ''}{score:.4f} at step {outcome.best['step']}"
            # Explained once: a last distance below 0 has its explanation above.
            explained = by_features or score >= 0 or progress.scores.get("sample_distance", 0.0) < 0
            rows.append(("best", told if explained else f"{told} ({BELOW_ZERO})"))
        for kind in ("samples", "reconstructions"):
            picture = latest_picture(folder, kind)
            if picture is not None:
                rows.append((kind, str(picture)))
        return [*rows, ("report", str(folder.report)), ("run folder", str(outcome.path))]

    if run.session.precision.device.type == "cpu":
        keep_freed_memory()
    # Only the main one of several processes prints.
    speaks = run.processes.is_main
    console = Console(as_json=asked.json and speaks, quiet=asked.quiet or not speaks)
    progress = Progress(console, place=lambda: {"run": str(run.path)})

    class Announcement(Observer):
        """Announces the training when the run has its folder: another run may have taken the planned one meanwhile."""

        def started(self, session: Session) -> None:
            _announce(run, console)

    try:
        outcome = run.run([Announcement(), progress], track)
    finally:
        progress.close()
    leave_processes()
    console.data(
        {
            "event": "end",
            "run": str(outcome.path),
            "stopped": outcome.stopped,
            "steps": outcome.steps,
            "images": outcome.images,
            "seconds": round(outcome.seconds, 3),
            "scores": progress.scores,
            "best": dict(outcome.best),
            "missed": list(outcome.missed),
            "skipped": outcome.skipped,
        }
    )
    console.line()
    console.table("Stopped" if outcome.stopped else "Done", summary(outcome))
    if speaks:
        console.result(outcome.path)
    if outcome.stopped:
        console.line(f"\n{outcome.stopped}; resume with: priorkit train --resume {outcome.path}")
        return _STATUS[outcome.stopped]
    if outcome.missed:
        total = run.session.total_steps()
        limit = f"--steps {total}" if total else f"--max-time {format_duration(2 * outcome.seconds).replace(' ', '')}"
        console.line(
            f"\nthe time was up before the stage {outcome.missed[0]}, which was not trained; resume with: "
            f"priorkit train --resume {outcome.path} {limit}"
        )
        return 0
    console.line(f"\nmore samples: priorkit sample {outcome.path} -n 64 --out more.png")
    return 0


def _parse(arguments: Sequence[str], registry: Registry) -> TrainArguments:
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return parse_train_arguments(arguments, registry)
    from priorkit.distributed import join_processes

    # All processes find the same mistake: it is reported once.
    with join_processes().together():
        return parse_train_arguments(arguments, registry)


def _announce(run: TrainingRun, console: Console) -> None:
    from priorkit.models.active_components import active_slots

    config, session, data = run.config, run.session, run.data
    active = active_slots(session.system)
    named = [kind for kind in KINDS if kind.slot in active]
    chosen = ", ".join(f"{kind.title} {getattr(config, kind.slot).name}" for kind in named)
    console.line(f"{'resuming' if run.resumed else 'training'} {run.path}: {chosen}")
    if not config.stages and config.fitted_to is None:
        listed = [choice.name for choice in config.phases]
        if listed != [choice.name for choice in RunConfig().phases]:
            console.line(f"phases {', '.join(listed)}")
    if config.fitted_to is not None:
        console.line(f"the prior learns the codes of {config.fitted_to}; the autoencoder does not change")
    console.line(
        f"data set {config.dataset.name}: {len(data.train)} images to train on, {len(data.test)} held out, "
        f"{data.shape.size}x{data.shape.size}, {'grey' if data.shape.channels == 1 else 'colour'}"
    )
    if data.train.labels is not None:
        console.line(f"  {_classes(data)}")
    for note in data.notes:
        console.line(f"  {note}")
    where = f"{session.precision.device} in {session.precision.name}"
    if run.processes.count > 1:
        where = f"{run.processes.count} processes, each on {where}"
    workers = session.source.batches.workers
    reading = f", read by {workers} process{'es' if workers > 1 else ''}" if workers else ""
    console.line(f"on {where}, {config.batch_size} images a step{reading}")


def _classes(data: ImageData) -> str:
    """Returns the number and the names of the classes, which reveal a misread folder layout."""
    from priorkit.data import summarise

    count, names = summarise(data).classes, data.class_names
    more = ", ..." if len(names) > _NAMED else ""
    listed = f": {', '.join(names[:_NAMED])}{more}" if names else ""
    return f"{count} class{'es' * (count != 1)}{listed}"


def _blame_recipe(error: ConfigurationError, asked: TrainArguments) -> ConfigurationError:
    """Adds to an error that a recipe chose the component it is about, and which other components flags chose."""
    single = [kind for kind in KINDS if not kind.several]
    for kind in single:
        text = str(error)
        chosen_by_flag = "name" in asked.flags.get(kind.slot, {})
        if asked.recipe and text.startswith(f"{flag_for((kind.slot,))} ") and not chosen_by_flag:
            given = [flag_for((other.slot,)) for other in single if "name" in asked.flags.get(other.slot, {})]
            changed = f"; you chose another {', '.join(given)}" if given else ""
            return type(error)(f"{text} ({kind.title} chosen by {asked.recipe!r}{changed})")
    return error
