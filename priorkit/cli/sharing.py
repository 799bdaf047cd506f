"""`priorkit pack`, `unpack`, `push`, `pull` and `models`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.cli.arguments import Parser, add_common, join_values, refuse_unknown
from priorkit.display.console import Console
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.runs import RunDescription

__all__ = ["models_command", "pack_command", "pull_command", "push_command", "unpack_command"]

_KIB = 1024


def pack_command(arguments: Sequence[str], registry: Registry) -> int:
    """Packs a run into one file; returns the exit status."""
    parser = Parser(
        "priorkit pack",
        "Packs a trained run into one file, to be unpacked elsewhere with `priorkit unpack`: configuration, versions, "
        "the weights of one checkpoint, scores, pictures and report; no training data.",
    )
    _add_run(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write (default: RUN.priorkit.zip, here)")
    _add_checkpoint(parser)
    parser.add_argument(
        "--resumable",
        action="store_true",
        help="include the optimisers' state, so that the training can be resumed elsewhere",
    )
    found = _parse(parser, arguments, {"--out", "--checkpoint"})
    from priorkit.runs import RunFolder, pack_run

    folder = RunFolder.open(found.run)
    file = pack_run(folder, found.out, checkpoint=found.checkpoint, resumable=found.resumable)
    return _told(
        found,
        f"{file} ({_size(file.stat().st_size)}): unpack it with priorkit unpack {shlex.quote(str(file))}",
        file=str(file),
    )


def unpack_command(arguments: Sequence[str], registry: Registry) -> int:
    """Unpacks a run; returns the exit status."""
    parser = Parser(
        "priorkit unpack",
        "Unpacks a run that `priorkit pack` has packed. Nothing in the file is executed, nothing is written outside "
        "the new folder, and the folder appears complete or not at all.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="made by `priorkit pack`")
    parser.add_argument(
        "--out", type=Path, metavar="RUN", help="the run folder to make (default: runs/ and the file's name)"
    )
    found = _parse(parser, arguments, {"--out"})
    from priorkit.runs import unpack

    path = unpack(found.file, found.out)
    return _told(found, f"{path}: use it as any run, as in priorkit sample {shlex.quote(str(path))}", run=str(path))


def push_command(arguments: Sequence[str], registry: Registry) -> int:
    """Pushes a run to the Hugging Face hub; returns the exit status."""
    parser = Parser(
        "priorkit push",
        "Pushes a trained run to the Hugging Face hub: configuration, versions, weights (safetensors), scores, "
        "pictures, report, and a model card; no training data, no code, no pickles. Log in by `hf auth login`, or "
        "set HF_TOKEN; HF_ENDPOINT names another hub.",
    )
    _add_run(parser)
    parser.add_argument("repository", metavar="USER/NAME", help="the repository, which is created if missing")
    parser.add_argument(
        "--private", action="store_true", help="make the repository private; push nothing to a public one"
    )
    parser.add_argument("--revision", metavar="BRANCH", help="the branch, which is created if missing")
    parser.add_argument("--message", metavar="TEXT", help="the commit's message")
    parser.add_argument("--license", metavar="NAME", help="the card's licence, by its name on the hub (default: none)")
    _add_checkpoint(parser)
    found = _parse(parser, arguments, {"--revision", "--message", "--license", "--checkpoint"})
    from priorkit.runs import RunFolder, push_run

    address = push_run(
        RunFolder.open(found.run),
        found.repository,
        checkpoint=found.checkpoint,
        private=True if found.private else None,
        revision=found.revision,
        message=found.message,
        license_name=found.license,
    )
    return _told(found, f'{address}: load it with priorkit.load_run("{address}")', address=address)


def pull_command(arguments: Sequence[str], registry: Registry) -> int:
    """Downloads a run from the Hugging Face hub; returns the exit status."""
    parser = Parser(
        "priorkit pull",
        "Downloads a run from the Hugging Face hub into a run folder, with the same checks as `priorkit unpack`: "
        "nothing in it is executed.",
    )
    parser.add_argument("address", metavar="ADDRESS", help="hf://user/name or hf://user/name@revision")
    parser.add_argument("--out", type=Path, metavar="RUN", help="the run folder to make (default: runs/ and its name)")
    found = _parse(parser, arguments, {"--out"})
    from priorkit.runs import pull

    path = pull(found.address, found.out)
    return _told(found, f"{path}: use it as any run, as in priorkit sample {shlex.quote(str(path))}", run=str(path))


def models_command(arguments: Sequence[str], registry: Registry) -> int:
    """Prints descriptions of runs; returns the exit status."""
    parser = Parser(
        "priorkit models",
        "Describes runs from their files: recipe, components, data set, shapes, scores, steps, required plug-ins, "
        "sizes. Neither weights nor plug-ins are loaded.",
    )
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="a run folder, a packed run, or hf://user/name[@revision]"
    )
    found = _parse(parser, arguments, set())
    from priorkit.runs import describe_run

    console = Console(as_json=found.json, quiet=found.quiet)
    for source in found.runs:
        described = describe_run(source, registry=registry)
        console.data(described.as_data())
        console.table(described.source, _rows(described))
    return 0


def _rows(run: RunDescription) -> list[tuple[str, str]]:
    channels, height, width = run.image_shape
    components = ("prior", "encoder", "regularizer", "loss", "networks", "condition")
    needed = [
        f"{name} {version}{' (not installed here)' if name in run.missing else ''}"
        for name, version in run.plugins.items()
    ]
    return [
        *([("recipe", run.recipe)] if run.recipe else []),
        *((name, str(getattr(run, name))) for name in components),
        ("phases", ", ".join(run.phases)),
        ("data set", f"{run.dataset}, {run.train_images} images to train on"),
        ("images", f"{height}x{width}, {'grey' if channels == 1 else 'colour'}"),
        ("codes", "x".join(map(str, run.code_shape))),
        ("steps", str(run.steps)),
        *((label, f"{value:.4g}") for label, value in run.scores.items()),
        ("third-party plug-ins", ", ".join(needed) or "none"),
        *(
            [("Python objects", ", ".join(f"{name} ({words})" for name, words in run.given.items()))]
            if run.given
            else []
        ),
        *([("registered", ", ".join(run.registered))] if run.registered else []),
        ("versions", f"priorkit {run.priorkit}, torch {run.torch}"),
        ("size", f"{_size(run.bytes)}, of which weights {_size(run.weight_bytes)}"),
        ("resumable", "yes" if run.resumable else "no"),
    ]


def _size(count: int) -> str:
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB"]
    while value >= _KIB and len(units) > 1:
        value /= _KIB
        units.pop(0)
    return f"{value:.3g} {units[0]}" if units[0] != "bytes" else f"{count} bytes"


def _add_run(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder, made by `priorkit train`")


def _add_checkpoint(parser: Parser) -> None:
    parser.add_argument(
        "--checkpoint", choices=("last", "best"), default="last", help="which checkpoint to load (default last)"
    )


def _parse(parser: Parser, arguments: Sequence[str], valued: set[str]) -> argparse.Namespace:
    add_common(parser)
    found, unknown = parser.parse_known_args(join_values(arguments, valued, ()))
    refuse_unknown(unknown, parser.flags(), parser.prog)
    if found.json or found.quiet or not sys.stderr.isatty():
        # Hides the progress bars of huggingface_hub, which reads this variable when it is imported.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return found


def _told(found: argparse.Namespace, what: str, **values: str) -> int:
    """Reports the result of a command; returns the exit status.

    Args:
        found: The parsed arguments.
        what: A description of the result, to print.
        values: The path or address of the result, the only value, for `--json` and `--quiet`.
    """
    console = Console(as_json=found.json, quiet=found.quiet)
    console.data(values)
    console.line(what)
    (where,) = values.values()
    console.result(where)
    return 0
