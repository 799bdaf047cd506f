"""`priorkit sample`, `reconstruct` and `interpolate`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.cli.run_arguments import (
    add_label,
    count,
    done,
    load,
    parse,
    refuse_data_dir,
    refuse_too_many,
    run_parser,
    split_labels,
)
from priorkit.cli.sample_codes import is_prior, sample_codes
from priorkit.cli.texts import TEXT_FLAGS, add_texts, given_texts, say_what_is_not_read
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from priorkit.runs import Run

__all__ = ["interpolate_command", "reconstruct_command", "sample_command"]

_CHUNK = 500
"""Number of samples to decode at a time."""
_SAMPLES = 64
_COLUMNS = 8
"""Images in a row of a picture."""
_FITTED = "cropped, padded or resized like the run's images"
"""How the user's image files are fitted to the run."""


def sample_command(arguments: Sequence[str], registry: Registry) -> int:
    """Draws images from a run's prior; returns the exit status."""
    parser = run_parser(
        "sample",
        "Draws images from a trained run, or codes from a prior that `priorkit fit --codes` has made.",
        "samples.png, codes.npz",
    )
    parser.set_defaults(out=None)
    parser.add_argument(
        "-n", "--number", type=count, metavar="N", help=f"how many (default {_SAMPLES}; of each --text {_COLUMNS})"
    )
    parser.add_argument("--columns", type=count, metavar="N", help=f"images in a row of a .png (default {_COLUMNS})")
    add_label(parser, "what to draw, in turn; default: at random")
    add_texts(parser)
    found = parse(parser, arguments, ("-n", "--number", "--columns", "--label", *TEXT_FLAGS))
    texts = given_texts(found)
    if texts and found.label is not None:
        raise ConfigurationError("--label and --text both say what to draw: give one of them")
    if is_prior(found.run):
        found.number = found.number or _SAMPLES
        return sample_codes(found, registry)
    found.out = found.out or Path("samples.png")
    run = load(found, registry)
    refuse_data_dir(found, run)
    import torch

    from priorkit.runs import save_images

    if texts:
        return _sample_texts(run, found, texts)
    found.number = found.number or _SAMPLES
    refuse_too_many(run, found.number)
    condition, labels = None, None
    if found.label is not None:
        picked = run.find_classes(split_labels(found.label, run))
        labels = picked[torch.arange(found.number) % len(picked)]
        condition = run.model.class_conditions(labels)
    elif run.class_names:
        condition = run.model.conditions(found.number, found.seed)
        labels = condition[:, : run.model.classes].argmax(1)
    codes = run.model.codes(found.number, found.seed, condition)
    images = _decoded(run, codes)
    columns = found.columns or _COLUMNS
    save_images(images, found.out, columns=columns, overwrite=found.overwrite, labels=labels)
    return done(found, f"{len(images)} samples", images=len(images))


def _sample_texts(run: Run, found: argparse.Namespace, texts: list[str]) -> int:
    """Draws images for each text, from the same noise for all texts; returns the exit status."""
    from priorkit.figures import draw_texts
    from priorkit.runs import save_images, save_picture

    number = found.number or _COLUMNS
    refuse_too_many(run, number * len(texts), f"{len(texts)} texts and -n {number}")
    condition = run.model.text_conditions(texts)
    noise = run.model.noise(number, found.seed)
    codes = run.model.codes_of(
        noise.repeat(len(texts), *[1] * (noise.ndim - 1)), condition.repeat_interleave(number, 0)
    )
    images = _decoded(run, codes)
    if found.out.suffix == ".png":
        picture = draw_texts(
            images.view(len(texts), number, *images.shape[1:]), texts, columns=found.columns or min(number, _COLUMNS)
        )
        save_picture(picture, found.out, overwrite=found.overwrite)
    else:
        save_images(images, found.out, overwrite=found.overwrite, texts=[text for text in texts for _ in range(number)])
    not_read = say_what_is_not_read(run, found, texts)
    samples = f"{len(images)} samples of {len(texts)} texts" if len(texts) > 1 else f"{len(images)} samples"
    return done(found, samples, images=len(images), texts=texts, **not_read)


def _decoded(run: Run, codes: Tensor) -> Tensor:
    """Decodes codes of the prior into images, uint8 on the CPU."""
    import torch

    from priorkit.data import to_uint8

    # In chunks: all images at once, as float32 on the device, would need several times the memory.
    return torch.cat([to_uint8(run.decode(part, from_prior=True)).cpu() for part in torch.split(codes, _CHUNK)])


def reconstruct_command(arguments: Sequence[str], registry: Registry) -> int:
    """Encodes and decodes held-out images, or the user's; returns the exit status."""
    parser = run_parser(
        "reconstruct",
        "Encodes and decodes the run's held-out images, or the given files. In a .png, each row of originals "
        "stands above the row of its reconstructions; in a .npz or a folder, each original comes right before its "
        "reconstruction.",
        "reconstructions.png",
    )
    parser.add_argument(
        "images", metavar="IMAGE", type=Path, nargs="*", help=f"files, {_FITTED}; default: held-out images"
    )
    parser.add_argument("-n", "--number", type=count, default=32, metavar="N", help="how many held-out images")
    parser.add_argument("--columns", type=count, default=_COLUMNS, metavar="N", help="images in a row of a .png")
    found = parse(parser, arguments, ("-n", "--number", "--columns"))
    run = load(found, registry)
    if found.images:
        refuse_data_dir(found, run)
    from priorkit.data import to_float, to_uint8
    from priorkit.runs import pairs, save_images

    originals = _originals(run, found, registry)
    reconstructions = to_uint8(run.reconstruct(to_float(originals))).cpu()
    columns = min(found.columns, len(originals)) if found.out.suffix == ".png" else 1
    save_images(pairs(originals, reconstructions, columns), found.out, columns=columns, overwrite=found.overwrite)
    return done(found, f"{len(originals)} pairs", images=len(originals))


def interpolate_command(arguments: Sequence[str], registry: Registry) -> int:
    """Interpolates between codes; returns the exit status."""
    parser = run_parser(
        "interpolate",
        "Decodes equally spaced codes on the straight line between two codes: one row of images for each pair.",
        "interpolations.png",
    )
    parser.add_argument(
        "images", metavar="IMAGE", type=Path, nargs="*", help=f"files, the two ends of each row in turn, {_FITTED}"
    )
    parser.add_argument(
        "--between",
        choices=("samples", "images"),
        default="samples",
        help="the ends of rows: samples, or held-out images",
    )
    parser.add_argument("-n", "--number", type=count, default=8, metavar="N", help="how many rows (default 8)")
    parser.add_argument("--steps", type=count, default=10, metavar="N", help="images in a row (default 10)")
    found = parse(parser, arguments, ("-n", "--number", "--between", "--steps"))
    if found.steps < 2:
        raise ConfigurationError("--steps must be at least 2: a row has two ends")
    if len(found.images) % 2:
        raise ConfigurationError(
            f"walks go from image to image, in pairs: name an even number, not {len(found.images)}"
        )
    samples = found.between == "samples" and not found.images
    run = load(found, registry)
    if samples or found.images:
        refuse_data_dir(found, run)
    from priorkit.data import to_float, to_uint8
    from priorkit.runs import save_images

    if samples:
        codes = run.model.codes(2 * found.number, found.seed)
    else:
        found.number *= 2
        codes = run.encode(to_float(_originals(run, found, registry)))
    whole = len(codes) // 2 * 2
    if whole < 2:
        raise ConfigurationError(f"a walk needs two ends: the run holds out only {len(codes)} image; name two files")
    rows = run.interpolate(codes[0:whole:2], codes[1:whole:2], found.steps, from_prior=samples)
    images = to_uint8(rows.flatten(0, 1)).cpu()
    save_images(images, found.out, columns=found.steps, overwrite=found.overwrite)
    return done(found, f"{len(images)} images", images=len(images))


def _originals(run: Run, found: argparse.Namespace, registry: Registry) -> Tensor:
    """Returns the user's images, or the run's held-out images: uint8 (N, C, H, W), in the form used in training."""
    from priorkit.runs import load_run_data, read_as_run_data

    if found.images:
        return read_as_run_data(run, found.images, registry=registry)
    return run.as_trained_on(load_run_data(run, found.data_dir, registry=registry).test.first(found.number))
