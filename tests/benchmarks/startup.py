"""Processor time of priorkit's start, compared with that of importing torch and torchvision.

Processor time is that of all threads, in user and system mode; unlike the wall clock, it depends little on other load.
A training's first step is over when `priorkit train --json` prints its losses; by then the run folder and the first
checkpoint have been written, too.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark import Benchmark, Settings, Unsupported
from children import PRIORKIT, events, run_measured, training_process
from paired import Comparison, alternate

__all__ = ["BENCHMARKS"]

_LIMIT = 6.0
"""Seconds of processor time that a training should take to its first step, at most."""
_TURNS = 5
_PLUGINS = 10
_SHARE = 0.8
"""Lowest acceptable ratio of the time of a list without further plug-ins to the time with them."""


@dataclass(frozen=True)
class _Program:
    """A program, measured by its processor time."""

    name: str
    command: tuple[str, ...]
    threads: int

    def seconds(self) -> float:
        return run_measured(self.command, self.threads).processor_seconds


@dataclass(frozen=True)
class _FirstStep:
    """A training, measured by its processor time to the end of the first step."""

    name: str
    threads: int

    def seconds(self) -> float:
        with tempfile.TemporaryDirectory(prefix="priorkit-benchmark-") as folder:
            out = str(Path(folder) / "run")
            options = ("train", "--steps", "1", "--log-every", "1", "--device", "cpu", "--json", "--out", out)
            with training_process((*PRIORKIT, *options), self.threads) as process:
                used = [_used(process.pid) for event in events(process) if event["event"] == "losses"]
        return used[0]


@dataclass(frozen=True)
class _Listing:
    """`priorkit components` with a number of third-party plug-ins, measured by its processor time."""

    name: str
    plugins: int
    threads: int

    def seconds(self) -> float:
        with tempfile.TemporaryDirectory(prefix="priorkit-benchmark-") as folder:
            for number in range(self.plugins):
                _write_plugin(Path(folder), number)
            program = f"import sys; sys.path.append({folder!r}); from priorkit.cli import main; main(['components'])"
            return run_measured((PRIORKIT[0], "-c", program), self.threads).processor_seconds


def _write_plugin(folder: Path, number: int) -> None:
    """Writes a distribution that supplies one prior, as pip would install it."""
    (folder / f"third_party_{number}.py").write_text(
        "from priorkit.plugins import Component, Options, hookimpl\n"
        "class PriorOptions(Options):\n"
        "    scale: float = 1.0\n"
        "@hookimpl\n"
        "def priorkit_priors():\n"
        f"    return [Component('prior-{number}', PriorOptions, print, 'a prior', 'a benchmark')]\n"
    )
    information = folder / f"third_party_{number}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: third-party-{number}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[priorkit]\nthird-party-{number} = third_party_{number}\n")


def _used(pid: int) -> float:
    """Returns the processor time of a running process, in seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise Unsupported("the time of the first step is read from /proc, which only Linux has") from None
    # proc(5): utime and stime are fields 14 and 15; fields 1 and 2 end at the last parenthesis.
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _run(settings: Settings) -> Iterator[Comparison]:
    threads, turns = settings.threads, settings.turns(_TURNS)
    command = (PRIORKIT[0], "-c", "import torch, torchvision")
    torch_alone = _Program("import torch, torchvision", command, threads)
    shown = Comparison(
        "processor time of priorkit --help",
        ("priorkit --help", torch_alone.name),
        alternate(_Program("help", (*PRIORKIT, "--help"), threads), torch_alone, repeats=turns),
    )
    yield shown
    alone = _Listing("priorkit components", 0, threads)
    beside = _Listing(f"the same with {_PLUGINS} more plug-ins", _PLUGINS, threads)
    yield Comparison(
        "processor time with third-party plug-ins",
        (beside.name, alone.name),
        alternate(beside, alone, repeats=turns),
        target=_SHARE,
    )
    first_step = _FirstStep("priorkit train, to its first step", threads)
    seconds = alternate(first_step, torch_alone, repeats=turns)
    compared = Comparison(
        "processor time to the first step on the digits", (first_step.name, torch_alone.name), seconds
    )
    verdict = "met" if compared.medians[0] <= _LIMIT else "NOT MET"
    yield Comparison(compared.title, compared.names, seconds, notes={f"first step within {_LIMIT:g} s wanted": verdict})


BENCHMARKS = [Benchmark("startup", "processor time of --help and to the first step, compared with import torch", _run)]
