"""Processor time until priorkit does something, beside that of importing torch and torchvision alone.

Processor time is that of all threads, in user and system mode: unlike the wall clock it says little of what else the
machine does. A training's first step is over when `priorkit train --json` tells of its losses; by then it has also made
its run folder and its first checkpoint.
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
"""Seconds of processor time within which the first step should be done."""
_TURNS = 5
_PLUGINS = 10
_SHARE = 0.8
"""How many times as fast lists should be with that many more plug-ins as without."""


@dataclass(frozen=True)
class _Program:
    """A program's processor time."""

    name: str
    command: tuple[str, ...]
    threads: int

    def seconds(self) -> float:
        return run_measured(self.command, self.threads).processor_seconds


@dataclass(frozen=True)
class _FirstStep:
    """The processor time of a training until its first step is done."""

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
    """The processor time of `priorkit components` beside so many plug-ins of third parties."""

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
    """A distribution that supplies one prior, as an installer leaves it."""
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
    """The processor time of a running process, in seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise Unsupported("the time of the first step is read from /proc, which only Linux has") from None
    # proc(5): utime and stime are fields 14 and 15, the first two of which stand before the last parenthesis.
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
    beside = _Listing(f"the same beside {_PLUGINS} more plug-ins", _PLUGINS, threads)
    yield Comparison(
        "processor time of plug-ins of third parties",
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


BENCHMARKS = [Benchmark("startup", "processor time of --help and to the first step, beside import torch", _run)]
