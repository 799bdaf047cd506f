"""A check, its arguments and its outcomes."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

__all__ = ["Asked", "Check", "Failure", "Skip", "where"]


class Failure(Exception):  # noqa: N818 - a finding, not a mistake of the program's
    """The check failed; the text says what was found and what was expected."""


class Skip(Exception):  # noqa: N818 - no error
    """The check cannot run here; the text says what it needs."""


@dataclass(frozen=True)
class Asked:
    """The arguments of the command line that every check gets.

    Attributes:
        device: The device on which to compute.
        seed: The seed of the runs.
        folder: An empty folder to work in.
    """

    device: torch.device
    seed: int
    folder: Path

    @property
    def on_cuda(self) -> bool:
        """True if the device is a CUDA device."""
        return self.device.type == "cuda"


@dataclass(frozen=True)
class Check:
    """A check, which runs once, or once for each of several recipes.

    Attributes:
        name: The name on the command line.
        summary: What the check does, and what must hold.
        run: Runs the check. Takes a recipe's name ("" if the check has no recipes), and returns the detail to print.
            Raises `Failure`, `Skip`, or any error of what it runs.
        recipes: The recipes for which the check runs, one after the other.
        needs_cuda: True if no part of the check can run on another device.
        is_benchmark: True if the check measures speed, and cannot fail by its result.
    """

    name: str
    summary: str
    run: Callable[[str, Asked], str]
    recipes: tuple[str, ...] = ("",)
    needs_cuda: bool = False
    is_benchmark: bool = False


def where(error: BaseException) -> str:
    """Returns the file and line in priorkit's own code where an error was raised; "" if it was raised elsewhere."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "priorkit" in Path(frame.filename).parts or "priorkit_plugins" in Path(frame.filename).parts
    ]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
