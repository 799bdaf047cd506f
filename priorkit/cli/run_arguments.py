"""Arguments of the commands that use a trained run, and what these commands do alike."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorkit.cli.arguments import Parser, add_common, join_values, refuse_unknown, whole_number
from priorkit.display.console import Console
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.runs import Run

__all__ = [
    "add_label",
    "count",
    "done",
    "load",
    "parse",
    "refuse_data_dir",
    "refuse_too_many",
    "run_parser",
    "split_labels",
]

_MOST_BYTES = 8 * 2**30
"""How much memory one picture or array of samples may take."""


count = whole_number(1)
"""Reads a whole number of at least 1."""


def run_parser(command: str, description: str, out: str, *, several: bool = False) -> Parser:
    """A parser of what every such command takes.

    Args:
        command: Its name.
        description: What it does.
        out: Where its output goes by default.
        several: Whether it takes several runs.
    """
    parser = Parser(f"priorkit {command}", description)
    if several:
        parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="run folders, made by `priorkit train`")
    else:
        parser.add_argument("run", metavar="RUN", type=Path, help="a run folder, made by `priorkit train`")
    parser.add_argument("--out", type=Path, default=Path(out), metavar="PATH", help=f"where to (default {out})")
    parser.add_argument("--overwrite", action="store_true", help="replace existing output")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="last", help="which weights (default last)")
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="the same seed gives the same images"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="float32", help="arithmetic")
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="PATH",
        help="current place of the run's data set, if it is read (default: as in training)",
    )
    add_common(parser)
    return parser


def refuse_data_dir(found: argparse.Namespace, run: Run) -> None:
    """Refuses `--data-dir` of a command that reads no data set, for a run whose prior reads none either."""
    if found.data_dir is not None and run.data is None:
        raise ConfigurationError("--data-dir: neither held-out nor training images are read here; leave it out")


def add_label(parser: Parser, meaning: str) -> None:
    """Adds `--label`.

    Args:
        parser: Where to.
        meaning: What the classes are for.
    """
    parser.add_argument(
        "--label",
        metavar="CLASS[,CLASS...]",
        help=f"for a run with classes, their names or indices: {meaning}",
    )


def split_labels(text: str, run: Run) -> list[str]:
    """The classes that `--label` names; commas part them, unless the whole is a name."""
    return [text] if text in run.class_names else [part.strip() for part in text.split(",")]


def parse(parser: Parser, arguments: Sequence[str], valued: Sequence[str]) -> argparse.Namespace:
    """Reads the arguments.

    Args:
        parser: Made by `run_parser`.
        arguments: As typed.
        valued: Flags of this command that take a value.

    Raises:
        ConfigurationError: An argument is unknown or wrong.
    """
    always = ("--out", "--checkpoint", "--seed", "--device", "--precision", "--data-dir")
    found, unknown = parser.parse_known_args(join_values(arguments, {*always, *valued}, ()))
    refuse_unknown(unknown, parser.flags(), parser.prog)
    return found


def load(found: argparse.Namespace, registry: Registry, path: Path | None = None) -> Run:
    """Loads the run, after a look at whether the output can be written.

    Args:
        found: The arguments.
        registry: Where components come from.
        path: Which run, if there may be several.

    Raises:
        PriorkitError: The output already exists, or the run cannot be loaded.
    """
    from priorkit.config import validate_settings
    from priorkit.runs import check_output, load_run

    if found.out is not None:
        check_output(found.out, overwrite=found.overwrite)
    validate_settings({"device": found.device})
    return load_run(
        found.run if path is None else path,
        checkpoint=found.checkpoint,
        device=found.device,
        precision=found.precision,
        data_dir=found.data_dir,
        registry=registry,
    )


def refuse_too_many(run: Run, number: int, asked: str = "") -> None:
    """Refuses more samples than fit into memory.

    Args:
        run: The run.
        number: How many samples.
        asked: The flags that ask for them; `-n` by default.
    """
    most = _MOST_BYTES // (run.shape.channels * run.shape.size**2 + 8 * math.prod(run.config.code_shape))
    if number > most:
        raise ConfigurationError(
            f"{asked or f'-n {number}'} is more than fits into memory at once: draw at most {most} at a time, "
            "each with another --seed"
        )


def done(found: argparse.Namespace, what: str, **values: Any) -> int:
    """Says what has been written; returns the exit status.

    Args:
        found: The arguments.
        what: For people.
        values: For programs.
    """
    console = Console(as_json=found.json, quiet=found.quiet)
    console.data({"out": str(found.out), **values})
    console.line(f"{what} in {found.out}")
    console.result(found.out)
    return 0
