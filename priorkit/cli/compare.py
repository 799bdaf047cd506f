"""`priorkit compare`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from priorkit.cli.arguments import HELP_FLAGS, Parser, add_common, join_values, refuse_unknown, whole_number
from priorkit.cli.reproduce import carry_out_study
from priorkit.cli.study_flags import parse_study_arguments
from priorkit.config import validate_settings
from priorkit.display.console import Console
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry

__all__ = ["compare_command"]


def _parser() -> Parser:
    parser = Parser(
        "priorkit compare",
        "Shows trained runs side by side: a table of their scores (from training and from `priorkit evaluate`), "
        "learning curves, samples of each run, and the differences between their configurations; "
        "also as one page. With --seeds, trains recipes first: priorkit compare RECIPE RECIPE --seeds N --dataset NAME "
        "(--steps N | --budget TIME) [--jobs N], with every flag of `priorkit reproduce`; the same command resumes it.",
    )
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="*", help="run folders, made by `priorkit train`")
    parser.add_argument(
        "--out", type=Path, default=Path("comparison"), metavar="FOLDER", help="output folder (default comparison)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier comparison there")
    parser.add_argument("-n", "--number", type=whole_number(1), default=64, metavar="N", help="samples of each run")
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N", help="seed of the samples")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add_common(parser)
    return parser


def compare_command(arguments: Sequence[str], registry: Registry) -> int:
    """Compares runs, or trains recipes and compares them; returns the exit status."""
    if any(argument.partition("=")[0] == "--seeds" for argument in arguments) and HELP_FLAGS.isdisjoint(arguments):
        return _compare_recipes(arguments, registry)
    parser = _parser()
    joined = join_values(arguments, {"--out", "-n", "--number", "--seed", "--device"}, ())
    found, unknown = parser.parse_known_args(joined)
    refuse_unknown(unknown, parser.flags(), parser.prog)
    if not found.runs:
        raise ConfigurationError("name the runs to compare: priorkit compare RUN RUN ...")
    validate_settings({"device": found.device})

    from priorkit.studies import compare_runs

    console = Console(as_json=found.json, quiet=found.quiet)
    comparison = compare_runs(
        found.runs,
        found.out,
        overwrite=found.overwrite,
        samples=found.number,
        seed=found.seed,
        device=found.device,
        registry=registry,
    )
    for run in comparison.as_data()["runs"]:
        console.data(run)
    console.data({"event": "end", "out": str(found.out)})
    console.columns(*comparison.cells(comparison.main_labels))
    for note in comparison.notes:
        console.line(note)
    if comparison.undrawn:
        console.line(f"no curves.png: {comparison.undrawn}. comparison.html has the same curves")
    written = [
        name
        for name in ("comparison.html", "comparison.md", "comparison.json", "curves.png", "samples.png")
        if (found.out / name).exists()
    ]
    console.line(f"in {found.out}, with all scores: {', '.join(written)}")
    console.result(found.out)
    return 0


def _compare_recipes(arguments: Sequence[str], registry: Registry) -> int:
    """Trains recipes with several seeds, and shows them side by side, as `priorkit reproduce` does."""
    from priorkit.studies import study_of_recipes

    names = list(takewhile(lambda argument: not argument.startswith("-"), arguments))
    if any(Path(name).is_dir() for name in names):
        raise ConfigurationError("--seeds trains recipes, and a run has one seed: name recipes, or leave out --seeds")
    asked = parse_study_arguments(arguments[len(names) :], registry, study_of_recipes(names, registry))
    return carry_out_study(asked, ["priorkit", "compare", *arguments], registry)
