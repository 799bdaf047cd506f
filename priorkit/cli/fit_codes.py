"""`priorkit fit --codes`: a prior for codes from anywhere."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorkit.cli.run_command import RunCommand, TrainArguments
from priorkit.cli.run_flags import parse_train_arguments
from priorkit.config import CODE_FIT_SETTINGS, FIT_DEFAULTS, RunConfig, format_duration
from priorkit.display.console import Console
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry, bare_name

if TYPE_CHECKING:
    from priorkit.codes import CodeFitting

__all__ = ["fit_codes_command", "given_codes_meant"]

_STATUS = {"interrupted": 128 + signal.SIGINT, "terminated": 128 + signal.SIGTERM}
_FILES = (
    ("--codes", "FILE", "codes: FILE.npz, with an array `codes` and perhaps `labels` or `conditions`, or FILE.npy"),
    ("--codes-kind", "KIND", "vectors, maps or indices, if dtype and shape are ambiguous: whole numbers (N, D)"),
    ("--entries", "K", "for indices, the number of entries of their codebook (default: the largest index + 1)"),
    ("--resume", "PRIOR", "resume a fit as if it had never stopped"),
)


def _lower_layer(recipe: str, registry: Registry) -> dict[str, Any]:
    return {key: value for key, value in FIT_DEFAULTS.items() if key in CODE_FIT_SETTINGS}


FIT_CODES = RunCommand(
    "priorkit fit --codes",
    "Fits a prior to codes from anywhere; `priorkit sample PRIOR` then draws codes.",
    "priorkit fit --codes FILE [--prior NAME] [--prior.OPTION VALUE] [...] [--out PRIOR | --resume PRIOR]",
    ("RUN", ""),
    _lower_layer,
    frozenset(RunConfig.model_fields) - frozenset(CODE_FIT_SETTINGS),
    _FILES,
    ("PRIOR", "the folder to make (default: the next in priors/)"),
)


def given_codes_meant(arguments: Sequence[str]) -> bool:
    """Whether the arguments request a fit to given codes, not to a run's."""
    flags = {flag for flag, _, _ in _FILES}
    return any(argument.partition("=")[0] in flags for argument in arguments)


def fit_codes_command(arguments: Sequence[str], registry: Registry) -> int:
    """Starts or resumes a fit of a prior to given codes; returns the exit status."""
    asked = parse_train_arguments(arguments, registry, FIT_CODES)
    if asked.help is not None:
        print(asked.help, end="")
        return 0
    if asked.recipe:
        raise ConfigurationError(
            f"--codes gives the codes, and {asked.recipe!r} names a run with codes of its own; leave out one of the two"
        )
    if asked.resume is not None:
        return _run_and_tell(_resumed(asked, registry), asked)
    return _fit_new(asked, registry)


def _resumed(asked: TrainArguments, registry: Registry) -> CodeFitting:
    from priorkit.codes import prepare_resumed_fit

    assert asked.resume is not None
    described = sorted(set(asked.files) & {"codes-kind", "entries"})
    if described:
        raise ConfigurationError(f"--{described[0]}: the folder of the fit records this already; leave it out")
    file = Path(asked.files["codes"]) if asked.files.get("codes") else None
    return prepare_resumed_fit(asked.resume, asked.flags, file=file, registry=registry)


def _fit_new(asked: TrainArguments, registry: Registry) -> int:
    given = asked.files
    if not given.get("codes"):
        raise ConfigurationError(
            "priorkit fit: the codes are missing; name their file, as in priorkit fit --codes codes.npz --prior "
            "flow-matching"
        )
    entries = _entries(given.get("entries"))

    from priorkit.codes import PriorFolder, prepare_code_fit, read_codes
    from priorkit.runs.folder import next_free_folder

    if asked.out is not None:
        PriorFolder.check_free(asked.out)
    read = read_codes(Path(given["codes"]))
    condition = asked.flags.get("condition", {}).get("name", "none")
    name = asked.settings["prior"]["name"]
    fitting = prepare_code_fit(
        read.codes,
        asked.flags,
        conditions=read.conditions_for(condition),
        kind=given.get("codes-kind"),
        entries=entries,
        out=asked.out or next_free_folder(Path("priors"), f"{name}-{read.path.stem}".replace(":", "-")),
        file=read.path,
        registry=registry,
    )
    hints = {"labels": "--condition labels", "conditions": "--condition embedding"}
    unused = [name for name in read.there() if bare_name(condition) == "none"]
    note = f"its {unused[0]} are not used; {hints[unused[0]]} fits p(code | s)" if unused else ""
    return _run_and_tell(fitting, asked, note)


def _entries(text: str | None) -> int | None:
    if text is not None and not (text.isdecimal() and int(text) >= 2):
        raise ConfigurationError(f"--entries {text}: expected a whole number of at least 2")
    return int(text) if text is not None else None


def _run_and_tell(fitting: CodeFitting, asked: TrainArguments, note: str = "") -> int:
    from priorkit.display.progress import Progress

    console = Console(as_json=asked.json, quiet=asked.quiet)
    fit, record = fitting.fit, fitting.record.codes
    constant = int((~fit.scale.varies).sum())
    console.line(f"{'resuming' if fitting.resumed else 'fitting'} {fitting.path}: prior {fitting.config.prior.name}")
    console.line(
        f"{record.count} codes, {record.space}"
        + (f", {constant} of {record.space.dim} dimensions constant" if constant else "")
        + (f", conditioned on {_conditioned_on(fitting)}" if fit.condition is not None else "")
    )
    console.line(f"on {fit.precision.device} in {fit.precision.name}, {fitting.config.batch_size} codes a step")
    if note:
        console.line(f"  {note}")
    progress = Progress(console, "codes", lambda: {"prior": str(fitting.path)})
    try:
        stopped = fitting.run([progress])
    finally:
        progress.close()
    end = {
        "event": "end",
        "prior": str(fitting.path),
        "stopped": stopped,
        "steps": fit.steps,
        "codes": fit.engine.images_seen,
        "seconds": round(fit.seconds, 3),
    }
    console.data(end)
    console.line()
    console.table(
        "Stopped" if stopped else "Done",
        [
            ("steps", f"{fit.steps} ({fit.engine.images_seen} codes)"),
            ("training time", format_duration(fit.seconds)),
            ("prior", str(fitting.path)),
        ],
    )
    console.result(str(fitting.path))
    if stopped:
        console.line(f"\n{stopped}; resume with: priorkit fit --resume {fitting.path}")
        return _STATUS[stopped]
    console.line(f"\ncodes: priorkit sample {fitting.path} -n 1000 --out codes.npz")
    return 0


def _conditioned_on(fitting: CodeFitting) -> str:
    condition = fitting.record.condition
    assert condition is not None
    return f"{len(condition.classes)} classes" if condition.classes else f"vectors of {condition.dim} dimensions"
