"""What is checked, and what came of it."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

__all__ = ["Asked", "Check", "Failure", "Skip", "where"]


class Failure(Exception):  # noqa: N818 - a finding, not a mistake of the program's
    """What was checked does not hold; the text says what was seen and what was expected."""


class Skip(Exception):  # noqa: N818 - no error
    """It cannot be checked here; the text says what it needs."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks of every check.

    Attributes:
        device: Where to compute.
        seed: The seed of the runs.
        folder: An empty folder to work in.
    """

    device: torch.device
    seed: int
    folder: Path

    @property
    def on_cuda(self) -> bool:
        """Whether the device is a CUDA device."""
        return self.device.type == "cuda"


@dataclass(frozen=True)
class Check:
    """One check, made once, or once for each of several recipes.

    Attributes:
        name: What users type.
        summary: What is done, and what must hold.
        run: Makes it with a recipe's name, "" if there are none; gives the detail to print. Raises `Failure`, `Skip`,
            or whatever goes wrong.
        recipes: Which recipes it is made with; every one of them in turn.
        needs_cuda: Whether nothing of it can be done on another device.
        is_benchmark: Whether it measures, rather than checks.
    """

    name: str
    summary: str
    run: Callable[[str, Asked], str]
    recipes: tuple[str, ...] = ("",)
    needs_cuda: bool = False
    is_benchmark: bool = False


def where(error: BaseException) -> str:
    """The place in priorkit's own code that an error comes from: file and line; "" if it comes from elsewhere."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "priorkit" in Path(frame.filename).parts or "priorkit_plugins" in Path(frame.filename).parts
    ]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
