"""`priorkit picture`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.cli.arguments import HELP_FLAGS
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
from priorkit.cli.texts import say_what_is_not_read
from priorkit.display.folding import folded, width_of
from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest
from priorkit.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from priorkit.runs import Run

__all__ = ["picture_command"]

_HELP = """\
usage: priorkit picture KIND RUN ...

Draws a figure of trained runs, as .png.

kinds:
  classes   columns share a class (or an embedding), rows share the noise
  tsne      the prior's codes beside the encoder's, in two dimensions
  nearest   samples beside their nearest training images
  sweep     samples of several runs, one below the other
  text      columns show the alternatives of a text, rows share the noise

`priorkit picture KIND --help` says more. See also `priorkit sample`, `reconstruct` and `interpolate`.
"""


def _classes(arguments: Sequence[str], registry: Registry) -> int:
    parser = run_parser(
        "picture classes",
        "Draws a grid for a run with a condition: columns share a class, rows share the noise. If the condition is a "
        "vector, not a class, columns share a training image's vector.",
        "classes.png",
    )
    add_label(parser, "the columns")
    parser.add_argument("-n", "--number", type=count, default=8, metavar="N", help="how many rows (default 8)")
    parser.add_argument(
        "--columns", type=count, default=None, metavar="N", help="maximal number of columns (default 10); or --label"
    )
    found = parse(parser, arguments, ("-n", "--number", "--columns", "--label"))
    if found.label is not None and found.columns is not None:
        raise ConfigurationError("--label says which columns there are; leave out --columns")
    found.columns = found.columns or 10
    run = _load(found, registry)
    refuse_data_dir(found, run)
    from priorkit.figures import draw_class_figure
    from priorkit.runs import save_picture

    conditions, captions = _columns(run, found)
    refuse_too_many(run, found.number * len(conditions), f"a grid of {len(conditions)} columns and -n {found.number}")
    picture = draw_class_figure(run.model, conditions, found.number, captions=captions, seed=found.seed)
    save_picture(picture, found.out, overwrite=found.overwrite)
    of = f" of {len(run.class_names)} classes" if len(run.class_names) > len(conditions) else ""
    what = f"{found.number} rows, {len(conditions)} columns{of}"
    return done(found, what, images=found.number * len(conditions), columns=captions or len(conditions))


def _columns(run: Run, found: argparse.Namespace) -> tuple[Tensor, list[str]]:
    """Returns the conditioning vectors of a class figure's columns, and the columns' captions."""
    import torch

    if found.label is None and not run.class_names:
        refuse_too_many(run, found.columns, f"--columns {found.columns}")
        return run.model.conditions(found.columns, found.seed), []
    if found.label is not None:
        classes = run.find_classes(split_labels(found.label, run))
    else:
        classes = torch.arange(min(found.columns, len(run.class_names)))
    return run.model.class_conditions(classes), [run.class_names[index] for index in classes.tolist()]


def _text(arguments: Sequence[str], registry: Registry) -> int:
    parser = run_parser(
        "picture text",
        "Draws a grid for a run with --condition text: one column for each text that a pattern stands for, such as "
        "'the flower is {pink, red}'; rows share the noise (Fig. 15 of Wang et al. 2020).",
        "text.png",
    )
    parser.add_argument("pattern", metavar="PATTERN", help="a text with alternatives in braces, separated by commas")
    parser.add_argument("-n", "--number", type=count, default=8, metavar="N", help="how many rows (default 8)")
    found = parse(parser, arguments, ("-n", "--number"))
    from priorkit.figures import draw_class_figure, spelled_out

    texts = spelled_out(found.pattern)
    run = _load(found, registry)
    refuse_data_dir(found, run)
    from priorkit.runs import save_picture

    asked = f"a grid of {len(texts)} columns and -n {found.number}"
    refuse_too_many(run, found.number * len(texts), asked)
    conditions = run.model.text_conditions([text for _, text in texts])
    captions = [told for told, _ in texts]
    picture = draw_class_figure(run.model, conditions, found.number, captions=captions, seed=found.seed)
    save_picture(picture, found.out, overwrite=found.overwrite)
    not_read = say_what_is_not_read(run, found, [text for _, text in texts])
    what = f"{found.number} rows, {len(texts)} columns"
    return done(found, what, images=found.number * len(texts), texts=[text for _, text in texts], **not_read)


def _tsne(arguments: Sequence[str], registry: Registry) -> int:
    parser = run_parser(
        "picture tsne",
        "Draws the prior's codes, coloured by the class that conditioned each, beside the encoder's codes of held-out "
        "images, coloured by label, in two dimensions (t-SNE of both together).",
        "tsne.png",
    )
    parser.add_argument("-n", "--number", type=count, default=1000, metavar="N", help="codes of each (default 1000)")
    parser.add_argument(
        "--perplexity",
        type=_positive,
        default=30.0,
        metavar="P",
        help="approximate number of neighbours of a code (default 30)",
    )
    found = parse(parser, arguments, ("-n", "--number", "--perplexity"))
    from priorkit.figures import draw_code_map, map_codes, require_matplotlib

    require_matplotlib("maps of codes")
    run = _load(found, registry)
    from priorkit.runs import load_run_data, save_picture

    refuse_too_many(run, found.number)
    data = load_run_data(run, found.data_dir, registry=registry)
    codes = map_codes(
        run.model,
        data.test,
        found.number,
        seed=found.seed,
        perplexity=found.perplexity,
        shown_as=run.as_trained_on,
    )
    picture = draw_code_map(codes, run.class_names, data.class_names)
    save_picture(picture, found.out, overwrite=found.overwrite)
    return done(found, f"{len(codes.prior)} codes of the prior and as many of images", codes=len(codes.prior))


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, not {text!r}")
    return number


def _nearest(arguments: Sequence[str], registry: Registry) -> int:
    parser = run_parser(
        "picture nearest",
        "Draws samples, each beside its nearest training images, and prints the mean distance to the nearest one; the "
        "distance of held-out images, which cannot have been memorised, is for comparison.",
        "nearest.png",
    )
    parser.add_argument("-n", "--number", type=count, default=8, metavar="N", help="how many samples (default 8)")
    parser.add_argument("--columns", type=count, default=7, metavar="N", help="training images for each (default 7)")
    parser.add_argument(
        "--by", choices=("pixels", "features"), default="pixels", help="compare pixels, or the image discriminator's F"
    )
    found = parse(parser, arguments, ("-n", "--number", "--columns", "--by"))
    run = _load(found, registry)
    import torch

    from priorkit.data import to_float, to_uint8
    from priorkit.figures import draw_neighbours, nearest_images
    from priorkit.runs import load_run_data, save_picture

    asked = f"a grid of {1 + found.columns} columns and -n {found.number}"
    refuse_too_many(run, found.number * (1 + found.columns), asked)
    data = load_run_data(run, found.data_dir, registry=registry)
    samples = to_uint8(run.sample(found.number, seed=found.seed)).cpu()
    # Both are looked up in one pass over the training images.
    both = to_float(torch.cat([samples, data.test.spread(found.number)])).to(run.model.device)
    how = {"features": run.model.critic_features} if found.by == "features" else {}
    neighbours = nearest_images(both, data.train, found.columns, **how)
    picture = draw_neighbours(samples, neighbours.indices[: len(samples)], data.train)
    save_picture(picture, found.out, overwrite=found.overwrite)
    closest = neighbours.distances[:, 0]
    ours, theirs = closest[: len(samples)].mean().item(), closest[len(samples) :].mean().item()
    what = (
        f"{len(samples)} samples, on average {ours:.3g} from the nearest training image "
        f"(held-out images: {theirs:.3g}),"
    )
    return done(found, what, samples=len(samples), distance=ours, held_out_distance=theirs)


def _sweep(arguments: Sequence[str], registry: Registry) -> int:
    parser = run_parser(
        "picture sweep",
        "Draws samples of several runs, one below the other, with the prior, loss and code size of each.",
        "sweep.png",
        several=True,
    )
    parser.add_argument("-n", "--number", type=count, default=16, metavar="N", help="samples of each (default 16)")
    parser.add_argument("--columns", type=count, default=8, metavar="N", help="images in a row (default 8)")
    found = parse(parser, arguments, ("-n", "--number", "--columns"))
    from priorkit.data import to_uint8
    from priorkit.figures import draw_sweep
    from priorkit.runs import save_picture

    samples, captions = [], []
    for path in found.runs:
        run = _load(found, registry, path)
        refuse_data_dir(found, run)
        refuse_too_many(run, found.number * len(found.runs), f"-n {found.number} of {len(found.runs)} runs")
        samples.append(to_uint8(run.sample(found.number, seed=found.seed)).cpu())
        captions.append(_caption(run))
    save_picture(draw_sweep(samples, captions, found.columns), found.out, overwrite=found.overwrite)
    return done(found, f"samples of {len(samples)} runs", runs=captions)


def _caption(run: Run) -> str:
    config = run.config
    parts = [f"{run.path.resolve().name}: {config.prior.name} prior"]
    if config.encoder.name != "none":
        parts.append(f"{config.loss.name} loss")
    if config.condition.name != "none":
        parts.append(f"condition {config.condition.name}")
    return ", ".join([*parts, f"code {'x'.join(map(str, config.code_shape))}"])


def _load(found: argparse.Namespace, registry: Registry, path: Path | None = None) -> Run:
    from priorkit.runs import check_picture_output

    check_picture_output(found.out, overwrite=found.overwrite)
    return load(found, registry, path)


_KINDS: dict[str, Callable[[Sequence[str], Registry], int]] = {
    "classes": _classes,
    "tsne": _tsne,
    "nearest": _nearest,
    "sweep": _sweep,
    "text": _text,
}


def picture_command(arguments: Sequence[str], registry: Registry) -> int:
    """Draws a figure of trained runs; returns the exit status."""
    if arguments and arguments[0] in HELP_FLAGS:
        print(folded(_HELP, width_of(sys.stdout)), end="")
        return 0
    kind = arguments[0] if arguments else ""
    if kind not in _KINDS:
        known = f"the kinds are {', '.join(_KINDS)}; `priorkit picture --help` describes them"
        if not kind or kind.startswith("-"):
            raise ConfigurationError(f"say first what to draw: {known}")
        raise ConfigurationError(
            f"unknown kind of picture {kind!r}{nearest(kind, _KINDS)} {known[0].upper()}{known[1:]}"
        )
    return _KINDS[kind](arguments[1:], registry)
