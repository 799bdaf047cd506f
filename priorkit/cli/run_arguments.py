"""Arguments and shared steps of the commands that use a trained run."""

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
"""Maximal memory of one picture or array of samples, in bytes."""

count = whole_number(1)
"""Reads a whole number of at least 1."""


def run_parser(command: str, description: str, out: str, *, several: bool = False) -> Parser:
    """Returns a parser with the arguments that these commands share.

    Args:
        command: The command's name.
        description: Its description in the help.
        out: The default path of its output.
        several: Whether it takes several runs.
    """
    parser = Parser(f"priorkit {command}", description)
    if several:
        parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="run folders, made by `priorkit train`")
    else:
        parser.add_argument("run", metavar="RUN", type=Path, help="a run folder, made by `priorkit train`")
    parser.add_argument("--out", type=Path, default=Path(out), metavar="PATH", help=f"output path (default {out})")
    parser.add_argument("--overwrite", action="store_true", help="replace existing output")
    parser.add_argument(
        "--checkpoint", choices=("last", "best"), default="last", help="which checkpoint to load (default last)"
    )
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="the same seed gives the same images"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="float32", help="arithmetic")
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="PATH",
        help="current place of the run's data set, if the command reads it (default: as in training)",
    )
    add_common(parser)
    return parser


def refuse_data_dir(found: argparse.Namespace, run: Run) -> None:
    """Refuses `--data-dir` if neither the command nor the run's prior reads the data set.

    Raises:
        ConfigurationError: `--data-dir` is given, and the run's prior does not read the data set.
    """
    if found.data_dir is not None and run.data is None:
        raise ConfigurationError("--data-dir: neither held-out nor training images are read here; leave it out")


def add_label(parser: Parser, meaning: str) -> None:
    """Adds `--label`.

    Args:
        parser: The parser to add the flag to.
        meaning: The use of the classes, for the help.
    """
    parser.add_argument(
        "--label",
        metavar="CLASS[,CLASS...]",
        help=f"for a run with classes, their names or indices: {meaning}",
    )


def split_labels(text: str, run: Run) -> list[str]:
    """Splits the value of `--label` into classes at its commas, unless the whole value is a class's name."""
    return [text] if text in run.class_names else [part.strip() for part in text.split(",")]


def parse(parser: Parser, arguments: Sequence[str], valued: Sequence[str]) -> argparse.Namespace:
    """Parses the arguments.

    Args:
        parser: A parser from `run_parser`.
        arguments: The arguments as typed.
        valued: Flags of this command that take a value.

    Raises:
        ConfigurationError: An argument is unknown or wrong.
    """
    always = ("--out", "--checkpoint", "--seed", "--device", "--precision", "--data-dir")
    found, unknown = parser.parse_known_args(join_values(arguments, {*always, *valued}, ()))
    refuse_unknown(unknown, parser.flags(), parser.prog)
    return found


def load(found: argparse.Namespace, registry: Registry, path: Path | None = None) -> Run:
    """Loads the run, after checking that the output can be written.

    Args:
        found: The parsed arguments.
        registry: Where components come from.
        path: The run to load, for a command that takes several.

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
        number: Number of samples.
        asked: The flags that request them, for the message; `-n` by default.

    Raises:
        ConfigurationError: There are too many.
    """
    most = _MOST_BYTES // (run.shape.channels * run.shape.size**2 + 8 * math.prod(run.config.code_shape))
    if number > most:
        raise ConfigurationError(
            f"{asked or f'-n {number}'} is more than fits into memory at once: draw at most {most} at a time, "
            "each with another --seed"
        )


def done(found: argparse.Namespace, what: str, **values: Any) -> int:
    """Reports the output of a command; returns the exit status.

    Args:
        found: The parsed arguments.
        what: A description of the output, to print.
        values: Further values for `--json`.
    """
    console = Console(as_json=found.json, quiet=found.quiet)
    console.data({"out": str(found.out), **values})
    console.line(f"{what} in {found.out}")
    console.result(found.out)
    return 0
