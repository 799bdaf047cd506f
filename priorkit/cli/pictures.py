"""`priorkit sample`, `reconstruct` and `interpolate`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.cli.arguments import Parser, add_common, join_values, refuse_unknown
from priorkit.cli.console import Console
from priorkit.errors import ConfigurationError
from priorkit.plugins import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from priorkit.runs import Run

__all__ = ["interpolate_command", "reconstruct_command", "sample_command"]

_CHUNK = 500
"""Samples decoded at a time."""
_MOST_BYTES = 8 * 2**30
"""How much memory one picture or array of samples may take."""

_FITTED = "cropped to their central square and resized to the run's size"
"""What becomes of the user's files."""


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, not {text!r}")
    return number


def _seed(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, not {text!r}")
    return int(text)


def _parser(command: str, description: str, out: str) -> Parser:
    parser = Parser(f"priorkit {command}", description)
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder, made by `priorkit train`")
    parser.add_argument("--out", type=Path, default=Path(out), metavar="PATH", help=f"where to (default {out})")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.add_argument("--checkpoint", choices=("last", "best"), default="last", help="which weights (default last)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="the same seed gives the same images")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="float32", help="arithmetic")
    add_common(parser)
    return parser


def _add_data_dir(parser: Parser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, metavar="PATH", help="where the run's data set lies now (default: where it was)"
    )


def _refuse_data_dir(found: argparse.Namespace) -> None:
    if found.data_dir is not None:
        raise ConfigurationError("--data-dir goes with held-out images, and none are used here; leave it out")


def _parse(parser: Parser, arguments: Sequence[str], valued: Sequence[str]) -> argparse.Namespace:
    always = ("--out", "--checkpoint", "--seed", "--device", "--precision")
    found, unknown = parser.parse_known_args(join_values(arguments, {*always, *valued}, ()))
    refuse_unknown(unknown, parser.flags(), parser.prog)
    return found


def _load(found: argparse.Namespace, registry: Registry) -> Run:
    from priorkit.config import validate_settings
    from priorkit.runs import check_output, load_run

    check_output(found.out, overwrite=found.overwrite)
    validate_settings({"device": found.device})
    return load_run(
        found.run, checkpoint=found.checkpoint, device=found.device, precision=found.precision, registry=registry
    )


def _done(found: argparse.Namespace, what: str, count: int) -> int:
    console = Console(as_json=found.json, quiet=found.quiet)
    console.data({"out": str(found.out), "images": count})
    console.line(f"{count} {what} in {found.out}")
    return 0


def sample_command(arguments: Sequence[str], registry: Registry) -> int:
    """Draws images from a run's prior; returns the exit status."""
    parser = _parser("sample", "Draws images from a trained run.", "samples.png")
    parser.add_argument("-n", "--number", type=_count, default=64, metavar="N", help="how many images (default 64)")
    parser.add_argument("--columns", type=_count, default=8, metavar="N", help="images in a row of a .png")
    found = _parse(parser, arguments, ("-n", "--number", "--columns"))
    run = _load(found, registry)
    import torch

    from priorkit.runs import save_images
    from priorkit.training import to_uint8

    most = _MOST_BYTES // (run.shape.channels * run.shape.size**2 + 8 * run.config.code_dim)
    if found.number > most:
        raise ConfigurationError(
            f"-n {found.number} is more than fits into memory at once: draw at most {most} at a time, "
            "each with another --seed"
        )
    codes = run.model.codes(found.number, found.seed)
    # A chunk at a time: as float32 images on the device, all of them would need several times the memory.
    images = torch.cat([to_uint8(run.decode(part)).cpu() for part in torch.split(codes, _CHUNK)])
    save_images(images, found.out, columns=found.columns, overwrite=found.overwrite)
    return _done(found, "samples", len(images))


def reconstruct_command(arguments: Sequence[str], registry: Registry) -> int:
    """Encodes and decodes held-out images, or the user's; returns the exit status."""
    parser = _parser(
        "reconstruct",
        "Encodes and decodes images: the run's held-out ones, or the files named. In a .png, each row of originals "
        "stands above the row of its reconstructions; in a .npz or a folder, each original comes right before its "
        "reconstruction.",
        "reconstructions.png",
    )
    parser.add_argument(
        "images", metavar="IMAGE", type=Path, nargs="*", help=f"files, {_FITTED}; default: held-out images"
    )
    _add_data_dir(parser)
    parser.add_argument("-n", "--number", type=_count, default=32, metavar="N", help="how many held-out images")
    parser.add_argument("--columns", type=_count, default=8, metavar="N", help="images in a row of a .png")
    found = _parse(parser, arguments, ("-n", "--number", "--columns", "--data-dir"))
    if found.images:
        _refuse_data_dir(found)
    run = _load(found, registry)
    from priorkit.runs import pairs, save_images
    from priorkit.training import to_float, to_uint8

    originals = _originals(run, found, registry)
    reconstructions = to_uint8(run.reconstruct(to_float(originals))).cpu()
    columns = min(found.columns, len(originals)) if found.out.suffix == ".png" else 1
    save_images(pairs(originals, reconstructions, columns), found.out, columns=columns, overwrite=found.overwrite)
    return _done(found, "pairs", len(originals))


def interpolate_command(arguments: Sequence[str], registry: Registry) -> int:
    """Walks between codes; returns the exit status."""
    parser = _parser(
        "interpolate",
        "Walks in a straight line from code to code and decodes on the way: a row for each pair of ends.",
        "interpolations.png",
    )
    parser.add_argument("images", metavar="IMAGE", type=Path, nargs="*", help=f"files in pairs of ends, {_FITTED}")
    _add_data_dir(parser)
    parser.add_argument(
        "--between", choices=("samples", "images"), default="samples", help="ends: samples, or held-out images"
    )
    parser.add_argument("-n", "--number", type=_count, default=8, metavar="N", help="how many rows (default 8)")
    parser.add_argument("--steps", type=_count, default=10, metavar="N", help="images in a row (default 10)")
    found = _parse(parser, arguments, ("-n", "--number", "--between", "--steps", "--data-dir"))
    if found.steps < 2:
        raise ConfigurationError("--steps must be at least 2: a row has two ends")
    if len(found.images) % 2:
        raise ConfigurationError(
            f"walks go from image to image, in pairs: name an even number, not {len(found.images)}"
        )
    samples = found.between == "samples" and not found.images
    if samples or found.images:
        _refuse_data_dir(found)
    run = _load(found, registry)
    from priorkit.runs import save_images
    from priorkit.training import to_float, to_uint8

    if samples:
        codes = run.model.codes(2 * found.number, found.seed)
    else:
        found.number *= 2
        codes = run.encode(to_float(_originals(run, found, registry)))
    whole = len(codes) // 2 * 2
    if whole < 2:
        raise ConfigurationError(f"a walk needs two ends: the run holds out only {len(codes)} image; name two files")
    rows = run.interpolate(codes[0:whole:2], codes[1:whole:2], found.steps)
    images = to_uint8(rows.flatten(0, 1)).cpu()
    save_images(images, found.out, columns=found.steps, overwrite=found.overwrite)
    return _done(found, "images", len(images))


def _originals(run: Run, found: argparse.Namespace, registry: Registry) -> Tensor:
    """The user's images, or the run's held-out ones: uint8 (N, C, H, W) in the run's shape."""
    from priorkit.runs import load_run_data, read_images

    if found.images:
        return read_images(found.images, run.shape)
    return load_run_data(run, found.data_dir, registry=registry).test.first(found.number)
