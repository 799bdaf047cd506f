"""Runs that were moved to another place, and runs of earlier versions."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
from runs import TRAIN, state_of
from trial import Trial

from children import Ended, run_command

__all__ = ["TRIALS"]

_ARCHIVES = sorted((Path(__file__).parents[1] / "runs/earlier_formats").glob("*.tar.xz"))
_NAMES = (
    "plain",
    "with spaces in it",
    "ünïcödé 数",
    "a'b\"c",
    "[brackets] {braces} %s",
    "-dash",
    "~",
    "a,b;c&d",
    "#1 (copy)",
)


def _images(file: Path) -> Path:
    np.savez(file, images=np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8))
    return file


def _use(path: Path, data: Path, steps: int) -> list[tuple[str, Ended]]:
    """Samples, evaluates and resumes a run whose data has been moved."""
    run, where = f"{path.parent}/{path.name}", ("--data-dir", str(data))
    out = ("--out", str(path.parent / "samples.npz"), "--overwrite", "--device", "cpu")
    return [
        ("sample", run_command(["sample", run, "-n", "4", *out])),
        ("evaluate", run_command(["evaluate", run, "--scores", "psnr", "--samples", "8", "--device", "cpu", *where])),
        ("resume", run_command(["train", "--resume", run, "--steps", str(steps), *where])),
    ]


def moved_runs(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Moves a run and its data set to places with other names, and uses the run there."""
    home = folder / "home"
    home.mkdir()
    data = _images(home / "images.npz")
    made = run_command([*TRAIN, "--dataset", "npz", "--data-dir", str(data), "--out", str(home / "run")])
    assert made.status == 0, made.output
    stayed = Path(shutil.copytree(home / "run", home / "stayed"))
    ended = run_command(["train", "--resume", str(stayed), "--steps", "18"])
    assert ended.status == 0, ended.output
    expected = state_of(stayed)
    for number in range(trials):
        name = _NAMES[(number + random.randrange(2)) % len(_NAMES)]
        place = folder / random.choice(_NAMES) / name
        shutil.copytree(home / "run", place)
        moved_data = Path(shutil.copy(data, place.parent / f"data {number}.npz"))
        hidden = data.rename(home / "hidden.npz")
        failure = None
        for command, done in _use(place, moved_data, 18):
            fault = done.fault(may=(0,))
            failure = failure or (fault and f"{command}: {fault}")
        hidden.rename(data)
        if failure is None and state_of(place) != expected:
            failure = "the resumed run differs"
        yield failure and f"{name!r}: {failure}"
        shutil.rmtree(place.parent)


def earlier_formats(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Uses runs of earlier formats."""
    for number in range(trials):
        archive = _ARCHIVES[number % len(_ARCHIVES)]
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        path = folder / archive.name.removesuffix(".tar.xz")
        steps = 3 + random.randrange(3)
        failure = None
        for command, done in (
            ("sample", run_command(["sample", str(path), "-n", "2", "--out", str(folder / f"{number}.png")])),
            ("evaluate", run_command(["evaluate", str(path), "--scores", "psnr", "--samples", "4"])),
            ("resume", run_command(["train", "--resume", str(path), "--steps", str(steps)])),
            ("resume", run_command(["train", "--resume", str(path), "--steps", str(steps + 1)])),
        ):
            fault = done.fault(may=(0,))
            failure = failure or (fault and f"{command}: {fault}")
        yield failure and f"{path.name}: {failure}"
        shutil.rmtree(path)


TRIALS = (
    Trial(
        "moved-runs",
        "a run and its data are moved and renamed: it is sampled, evaluated and resumed as before",
        3,
        18,
        moved_runs,
    ),
    Trial(
        "earlier-formats",
        "runs of earlier formats are sampled, evaluated and resumed",
        6,
        24,
        earlier_formats,
    ),
)
