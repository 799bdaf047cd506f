"""`priorkit sweep`."""

from __future__ import annotations

import argparse
import shlex
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorkit.cli.arguments import HELP_FLAGS, Parser, join_values, whole_number
from priorkit.cli.run_command import RunCommand, TrainArguments
from priorkit.cli.run_flags import TRAIN, parse_train_arguments
from priorkit.config import flag_for
from priorkit.display.console import Console
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.sweeps import Sweep, SweepRequest

__all__ = ["sweep_command"]

_PROGRAM = "priorkit sweep"
_STATUS = {"interrupted": 128 + signal.SIGINT, "terminated": 128 + signal.SIGTERM}
_SHOWN = 10
"""Maximal number of trials in the final table, unless there are more trade-offs: all of these are shown."""
_OWN = (
    ("--search", "SPEC", "options to vary: learning_rate=1e-4..1e-2,networks.width=16,32; may be repeated"),
    ("--objective", "FIGURE", "what to optimise: sample_distance (default), or several, as sample_distance,seconds"),
    ("--trials", "N", "trials in all, including those of earlier calls (default 20)"),
    ("--jobs", "N", "processes that train at the same time (default: one for each CUDA device, else 1)"),
    ("--study", "FILE|URL", "database of the trials: a file, or postgresql://... (default: study.db in the folder)"),
    ("--name", "NAME", "the study's name in the database (default: the folder's name)"),
    ("--pruner", "NAME", "rule that ends bad trials early: median (default), hyperband or none"),
    ("--samples", "N", "number of samples for scores (default 10000)"),
    ("--sweep-seed", "N", "seed of the drawn values (default 0)"),
)
_SWEEP = RunCommand(
    _PROGRAM,
    "Trains a run for each of many settings, several at once, and finds the best. The same command resumes the sweep.",
    "priorkit sweep [RECIPE | FILE.toml] --search OPTION=A..B[,OPTION=A,B,...] [--objective FIGURE] [--trials N] [...]",
    TRAIN.subject,
    TRAIN.lower_layer,
    files=_OWN,
    out=("DIR", "the sweep's folder, with a run folder for each trial (default: sweeps/RECIPE-DATASET)"),
)


def _parser() -> Parser:
    parser = Parser(_PROGRAM, help_flag=False)
    parser.add_argument("--search", action="append", default=[])
    parser.add_argument("--objective", action="append", default=[])
    parser.add_argument("--trials", type=whole_number(1), default=20)
    parser.add_argument("--jobs", type=whole_number(1))
    parser.add_argument("--study")
    parser.add_argument("--name", default="")
    parser.add_argument("--pruner", choices=("median", "hyperband", "none"), default="median")
    parser.add_argument("--samples", type=whole_number(2), default=10_000)
    parser.add_argument("--sweep-seed", type=whole_number(0), default=0)
    return parser


def sweep_command(arguments: Sequence[str], registry: Registry) -> int:
    """Runs or resumes a sweep; returns the exit status."""
    own, rest = _parser().parse_known_args(join_values(arguments, {flag for flag, _, _ in _OWN}, ()))
    if not HELP_FLAGS.isdisjoint(arguments):
        print(parse_train_arguments(rest, registry, _SWEEP).help, end="")
        return 0
    if not own.search:
        raise ConfigurationError(
            "a sweep needs something to vary: --search learning_rate=1e-4..1e-2; see `priorkit sweep --help`"
        )
    asked = parse_train_arguments(rest, registry, _SWEEP)

    # Imported late: the code above works without torch.
    from priorkit.cli.sweep_progress import SweepProgress
    from priorkit.sweeps import carry_out_sweep, require_optuna

    request = _request(own, asked, registry)
    require_optuna()
    console = Console(as_json=asked.json, quiet=asked.quiet)
    try:
        found = carry_out_sweep(request, SweepProgress(console, request))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; resume with the same command: {_again(arguments, own.study)}") from None
    console.data({"event": "end", **found.as_data()})
    _show(found, console)
    console.result(found.folder)
    if found.stopped:
        again = _again(arguments, own.study)
        console.line(f"\n{found.stopped}; all runs are saved; resume with the same command: {again}")
        return _STATUS[found.stopped]
    return 0


def _again(arguments: Sequence[str], study: str | None) -> str:
    """Returns the command without the database's password, so that it can be printed."""
    from priorkit.sweeps.storage import without_secrets

    bare = [without_secrets(argument, study) for argument in arguments]
    command = shlex.join(["priorkit", "sweep", *bare])
    return command if bare == list(arguments) else f"{command} (add the password to --study, which is left out here)"


def _request(own: argparse.Namespace, asked: TrainArguments, registry: Registry) -> SweepRequest:
    from priorkit.jobs import default_jobs
    from priorkit.sweeps import SearchSpace, SweepRequest, default_folder, parse_objectives, parse_search

    options = parse_search(own.search)
    for option in options:
        if _is_given(asked.flags, option.path):
            raise ConfigurationError(f"{flag_for(option.path)} is both searched and given; leave out one of the two")
    space = SearchSpace.checked(asked.settings, options, registry)
    shared = space.config({})
    stem = Path(asked.recipe).stem if asked.recipe else shared.prior.name
    return SweepRequest(
        space=space,
        objectives=parse_objectives(own.objective or "sample_distance"),
        out=asked.out or default_folder(stem, shared.dataset.name),
        trials=own.trials,
        jobs=own.jobs or default_jobs(shared.device),
        study=own.study,
        name=own.name,
        pruner=own.pruner,
        samples=own.samples,
        seed=own.sweep_seed,
    )


def _is_given(flags: dict[str, Any], path: tuple[str, ...]) -> bool:
    table = flags.get(path[0])
    if len(path) == 1:
        return path[0] in flags and (not isinstance(table, dict) or "name" in table)
    return isinstance(table, dict) and path[1] in table


def _show(found: Sweep, console: Console) -> None:
    from priorkit.evaluation.unbiased import UNBIASED, below_zero_note

    front = found.front
    others = [trial for trial in found.complete if trial not in front]
    shown = [*front, *others[: max(0, _SHOWN - len(front))]]
    if shown:
        several = len(found.objectives) > 1
        console.line(f"\n{'trade-offs, and other trials' if several and others else 'the best trials'}")
        console.columns(*found.cells(shown))
        note = below_zero_note(
            name for trial in shown for name, value in trial.figures.items() if name in UNBIASED and value < 0
        )
        if note:
            console.line(note)
    else:
        console.line("\nno trial is complete yet")
    console.line(f"in {found.folder}: sweep.html, sweep.json, sweep.csv; each trial has its own run folder")
    best = found.best
    if best is not None and not found.stopped:
        console.line(f"more samples: priorkit sample {best.run} -n 64 --out more.png")
