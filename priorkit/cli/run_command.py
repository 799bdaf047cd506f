"""Descriptions of the commands that train a run, and their parsed arguments."""

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
        program: The program and command: `priorkit train`.
        summary: The description in its help.
        usage: The usage in its help.
        subject: The name of its first argument in the help, and the argument's description.
        lower_layer: Function from that argument, which may be empty, to the settings that flags override.
        hidden: Fields of `RunConfig` whose flags its help leaves out.
        files: The command's own flags with a value: the flag, the value's name in the help, and its description.
        out: The name of the value of --out in the help, and its description.
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
    """The parsed arguments of a command that trains a run.

    Attributes:
        recipe: For `train`, the name of a recipe or the path of a configuration file; for `fit`, a run folder; empty if
            not given.
        settings: All settings: those of the recipe or file, overridden by the flags.
        flags: The settings that were given as flags.
        out: The run folder to make; None if not given.
        resume: The run to resume; None if not given.
        checkpoint: The checkpoint of another run to start from.
        json: Whether to print JSON.
        quiet: Whether to print errors only.
        help: The help text, if the user requested help.
        track: The trackers that follow the training, as typed; None if not given.
        files: The given values of the command's own flags, by the flags' names without the leading hyphens.
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
