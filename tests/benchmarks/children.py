"""Runs programs in processes of their own, and measures their time and memory.

They start in a temporary folder: `python -m` looks for modules in its working directory first, and could find another
priorkit there than the one that the benchmarks import.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark import Unsupported

__all__ = ["PRIORKIT", "Usage", "events", "run_measured", "training_process"]

PRIORKIT = (sys.executable, "-m", "priorkit")
"""The command `priorkit`, run by the same Python as the benchmarks."""


@dataclass(frozen=True)
class Usage:
    """Time and memory that a program used.

    Attributes:
        processor_seconds: Processor time of all its threads, in user and system mode.
        seconds: Time by the wall clock.
        peak_bytes: Peak of its resident memory.
    """

    processor_seconds: float
    seconds: float
    peak_bytes: int


def _environment(threads: int) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": str(threads)}


def run_measured(command: Sequence[str], threads: int) -> Usage:
    """Runs a program to its end, and measures it.

    Raises:
        Unsupported: The program failed.
    """
    with tempfile.TemporaryDirectory(prefix="priorkit-benchmark-") as folder:
        report = Path(folder) / "usage.json"
        launcher = Path(__file__).with_name("launcher.py")
        done = subprocess.run(
            [sys.executable, "-S", str(launcher), str(report), *command],
            env=_environment(threads),
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Unsupported(f"{' '.join(command)} failed: {_last_line(done.stderr)}")
        return Usage(**json.loads(report.read_text()))


@contextmanager
def training_process(command: Sequence[str], threads: int) -> Iterator[subprocess.Popen[str]]:
    """Runs a program that prints JSON while the context lasts."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            env=_environment(threads),
            cwd=tempfile.gettempdir(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield process
            if process.wait() != 0:
                errors.seek(0)
                raise Unsupported(f"{' '.join(command)} failed: {_last_line(errors.read())}")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()


def events(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    """Yields the objects that `priorkit train --json` prints, as they arrive.

    Raises:
        Unsupported: The command reports an error.
    """
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            event = json.loads(line)
            if event["event"] == "error":
                raise Unsupported(event["message"])
            yield event


def _last_line(text: str) -> str:
    told = [line for line in text.splitlines() if line.startswith("error")] or text.splitlines()
    return told[-1] if told else "no message"
