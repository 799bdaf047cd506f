"""Commands that train a run, and what they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from priorkit.registry import Registry

__all__ = ["RunCommand", "TrainArguments"]


@dataclass(frozen=True)
class RunCommand:
    """A command that trains a run.

    Attributes:
        program: `priorkit train`.
        summary: One line of its help.
        usage: Another.
        subject: What its first argument is called in the help, and what it is.
        lower_layer: From that argument, which may be empty, to the settings that lie below the flags.
        hidden: Fields of `RunConfig` whose flags its help leaves out.
        files: Flags of its own that take a value: the flag, what the value is called in the help, and what it is.
        out: What the value of --out is called in the help, and what it is.
    """

    program: str
    summary: str
    usage: str
    subject: tuple[str, str]
    lower_layer: Callable[[str, Registry], dict[str, Any]]
    hidden: frozenset[str] = frozenset({"fitted_to", "fitted_checkpoint"})
    files: tuple[tuple[str, str, str], ...] = ()
    out: tuple[str, str] = ("RUN", "the run folder to make (default: the next in runs/)")


@dataclass(frozen=True)
class TrainArguments:
    """What the user asked `priorkit train` or `priorkit fit` for.

    Attributes:
        recipe: Of `train`, name of a recipe or path of a configuration; of `fit`, a run folder; empty if there is none.
        settings: Everything together, lower layers first: recipe or file, then flags.
        flags: The settings that were given as flags.
        out: The run folder, or None.
        resume: The run to resume, or None.
        checkpoint: Which checkpoint of another run to start from.
        json: Whether to print JSON.
        quiet: Whether to print errors only.
        help: The help text, if that is what was asked for.
        track: The trackers that follow the training, as they were named; None if none was.
        files: The values of the command's own flags, by their names without hyphens in front; those that were given.
    """

    recipe: str
    settings: dict[str, Any]
    flags: dict[str, Any]
    out: Path | None
    resume: Path | None
    checkpoint: str
    json: bool
    quiet: bool
    help: str | None = None
    track: list[str] | None = None
    files: dict[str, str] = field(default_factory=dict)
