"""Command lines of real options with odd values."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

from fuzzing import explored, odd_texts, run_bounded
from hypothesis import strategies as st
from runs import make_reference
from trial import Trial

from children import run_command

__all__ = ["TRIALS"]

_TINY = ("--batch-size", "8", "--log-every", "1", "--device", "cpu", "--steps", "1")
"""Options at the end of each line, so that no line trains for long."""
_FETCHED = frozenset(
    ("mnist", "fashion-mnist", "cifar10", "svhn", "flowers102", "clip", "sentence-transformer", "vgg", "inception")
)
"""Components that download data or weights."""
_LEFT_OUT = frozenset(("compile", "workers", "data_dir", "stream", "fitted_to", "max_time", "epochs", "steps"))
"""Settings that start processes or compilers, or set the length of a run."""
_FLAG = re.compile(r"^  (?:-\w\b[^,\n]*, )?(--[a-z][\w.-]*)(?: (\S+))?", re.MULTILINE)

Line = list[str]


def _plausible(kind: str) -> st.SearchStrategy[str]:
    """Draws values of an option: those that its help describes, and others."""
    words = [word for word in re.split(r"[|\s]+", kind) if word and word[0].isalnum()]
    numbers = st.integers(-2, 40).map(str) | st.floats(-2, 2).map(str)
    return st.sampled_from(words or ["1"]) | numbers | numbers | odd_texts


@st.composite
def _training(draw: st.DrawFn) -> Line:
    """Draws a line of `priorkit train` with components, their options, and settings of the run."""
    from priorkit.config import RunConfig, describe_fields
    from priorkit.plugins import KINDS
    from priorkit.registry import installed_plugins

    registry = installed_plugins()
    recipes = ["", "learned", "vae", "aae", "wae-mmd", "vampprior", "gm-vae", "infogan"]
    line = ["train", *filter(None, [draw(st.sampled_from(recipes))])]
    described = [item for item in describe_fields(RunConfig) if item.path[0] not in _LEFT_OUT]
    kinds = [kind for kind in KINDS if kind.slot not in ("extractor", "dataset", "phases")]
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=2, unique=True)):
        names = [name for name in registry.names(kind.slot) if name not in _FETCHED]
        name = draw(st.sampled_from(names))
        line += [f"--{kind.slot.replace('_', '-')}", name]
        options = describe_fields(registry.get(kind.slot, name).component.options, (kind.slot,))
        # Makes options of the component more probable than settings of the run.
        described += options * 5
    for item in draw(st.lists(st.sampled_from(described), max_size=3)):
        value = draw(_plausible(item.type))
        line += draw(st.sampled_from([[item.flag, value], [item.flag, value], [f"{item.flag}={value}"], [item.flag]]))
    line += draw(st.lists(odd_texts, max_size=1))
    small = ["--networks", "mlp", "--networks.hidden", "8", "--code-dim", "4"]
    return [*line, *(small if draw(st.booleans()) and "--networks" not in line else []), *_TINY]


def _flags(command: str) -> list[tuple[str, bool]]:
    """Reads a command's flags from its help, and whether each takes a value."""
    ended = run_command([command, "--help"])
    assert ended.status == 0, ended.output
    return [(flag, bool(value)) for flag, value in _FLAG.findall(ended.output)]


@st.composite
def _using(draw: st.DrawFn, flags: dict[str, list[tuple[str, bool]]], run: str) -> Line:
    """Draws a line of a command that uses a run."""
    command = draw(st.sampled_from(sorted(flags)))
    line = [command, *draw(st.sampled_from([[run], [run], [run], [run, run], [], ["not/there"]]))]
    if command == "evaluate":
        # The default, ten thousand samples, takes long. The drawn options follow, and may set another number.
        line += ["--samples", "8"]
    for flag, valued in draw(st.lists(st.sampled_from(flags[command]), max_size=3)):
        if flag not in ("--device", "--extractor", "--help"):
            line += [flag, draw(_plausible("samples images last best psnr 3"))] if valued else [flag]
    return [*line, *draw(st.lists(odd_texts, max_size=1))]


def _judge(line: Sequence[str], place: Path) -> str | None:
    place.mkdir()
    before = os.getcwd()  # noqa: PTH109
    os.chdir(place)
    try:
        # An argument of a process would end at the first null character.
        return run_bounded([text.replace("\0", "") for text in line]).fault(may=(0, 1, 2))
    finally:
        os.chdir(before)
        shutil.rmtree(place)


def fuzzed_lines(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Runs command lines of real options with odd values."""
    run = make_reference(folder).path
    flags = {name: _flags(name) for name in ("sample", "reconstruct", "interpolate", "evaluate", "compare", "diagnose")}
    lines = st.one_of(_training(), _training(), _using(flags, str(run)))
    return explored(lines, partial(_judge, place=folder / "here"), random, trials)


TRIALS = (
    Trial("fuzzed-lines", "command lines of real options with odd values: no traceback", 25, 2_000, fuzzed_lines),
)
