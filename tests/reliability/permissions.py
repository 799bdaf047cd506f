"""Folders without write permission, and files without read permission."""

import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
from runs import TRAIN, Reference, make_reference, state_of
from trial import Trial

from children import Ended, run_command

__all__ = ["TRIALS"]

_VERSION_3 = 0x20080522
"""Version 3 of Linux's capabilities, which have 64 bits."""


def _like_anybody() -> None:
    """Makes permissions bind this process even if root runs it."""
    if os.geteuid() == 0:
        header, none = (ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None, use_errno=True).capset(header, none) == 0, os.strerror(ctypes.get_errno())


def _run(path: Path, *command: str) -> Ended:
    def before() -> None:
        os.chdir(path)
        _like_anybody()

    return run_command(command, before=before)


Case = tuple[str, Callable[[Path], list[Path]], tuple[str, ...], tuple[int, ...]]
"""A name, the folders without write permission, the command (run in the work folder), and its exit statuses."""


def _whole(path: Path) -> list[Path]:
    return [path / "run", *(entry for entry in (path / "run").rglob("*") if entry.is_dir())]


_NEW = tuple(TRAIN)
_CASES: tuple[Case, ...] = (
    ("train beside", lambda path: [path], (*_NEW, "--out", "new"), (2,)),
    ("train below", lambda path: [path], (*_NEW, "--out", "some/new"), (2,)),
    ("train without --out", lambda path: [path], _NEW, (2,)),
    ("train into an empty folder", lambda path: [path / "empty"], (*_NEW, "--out", "empty"), (2,)),
    ("resume", lambda path: [path / "run"], ("train", "--resume", "run", "--steps", "16"), (2,)),
    ("resume, samples", lambda path: [path / "run/samples"], ("train", "--resume", "run", "--steps", "16"), (2,)),
    (
        "resume, checkpoints",
        lambda path: [path / "run/checkpoints"],
        ("train", "--resume", "run", "--steps", "16"),
        (2,),
    ),
    ("sample", lambda path: [path / "empty"], ("sample", "run", "-n", "4", "--out", "empty/samples.png"), (2,)),
    ("sample into a folder", lambda path: [path], ("sample", "run", "-n", "4", "--out", "pictures"), (2,)),
    ("sample elsewhere", _whole, ("sample", "run", "-n", "4", "--out", "empty/samples.png"), (0,)),
    ("reconstruct", _whole, ("reconstruct", "run", "-n", "4", "--out", "empty/pairs.npz"), (0,)),
    ("evaluate", _whole, ("evaluate", "run", "--scores", "psnr", "--samples", "8"), (0, 2)),
    ("diagnose", _whole, ("diagnose", "run"), (0, 2)),
    ("compare", lambda path: [path], ("compare", "run", "run", "--out", "compared"), (2,)),
    ("fit", lambda path: [path], ("fit", "run", "--prior", "full-gaussian", "--out", "fitted"), (2,)),
    ("fit codes", lambda path: [path], ("fit", "--codes", "codes.npz", "--prior", "full-gaussian", "--out", "p"), (2,)),
)


def _unreadable(path: Path, random: Random) -> tuple[Path, tuple[str, ...]]:
    """Chooses a file to make unreadable. Returns the file, and a command that reads it."""
    files = [path / "codes.npz", path / "images.npz", path / "config.toml", *_whole(path)]
    files += [entry for entry in (path / "run").rglob("*") if entry.is_file() and entry.suffix != ".png"]
    file = random.choice(files)
    commands = {
        "codes.npz": ("fit", "--codes", "codes.npz", "--prior", "full-gaussian"),
        "images.npz": (*_NEW, "--dataset", "npz", "--data-dir", "images.npz"),
        "config.toml": ("train", "config.toml"),
    }
    resumed = ("train", "--resume", "run", "--steps", "16")
    return file, commands.get(str(file.relative_to(path)), random.choice((resumed, ("sample", "run", "-n", "2"))))


def _prepared(folder: Path, reference: Reference) -> Path:
    path = folder / "work"
    path.mkdir()
    (path / "empty").mkdir()
    shutil.copytree(reference.path, path / "run")
    shutil.copy(reference.path / "config.toml", path / "config.toml")
    generator = np.random.default_rng(0)
    np.savez(path / "codes.npz", codes=generator.normal(size=(20, 3)))
    np.savez(path / "images.npz", images=generator.integers(0, 256, (20, 16, 16), dtype=np.uint8))
    return path


def _goes_on(path: Path, expected: str) -> str | None:
    ended = run_command(["train", "--resume", str(path), "--steps", "16"])
    if ended.status != 0 and "has 16 steps already" not in ended.output:
        return f"--resume ended with {ended.status}: {ended.output.strip()[-300:]}"
    return None if state_of(path) == expected else "the resumed run differs"


def read_only(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Runs commands with a folder that they cannot write, or a file that they cannot read."""
    reference = make_reference(folder)
    longer = Path(shutil.copytree(reference.path, folder / "longer"))
    assert run_command(["train", "--resume", str(longer), "--steps", "16"]).status == 0
    expected = state_of(longer)
    offset = random.randrange(len(_CASES))
    for number in range(trials):
        path = _prepared(folder, reference)
        if number % 3 == 2:
            file, command = _unreadable(path, random)
            what, closed, may = f"{file.relative_to(path)} unreadable", [(file, 0o000)], (0, 2)
        else:
            what, places, command, may = _CASES[(offset + number) % len(_CASES)]
            closed = [(place, 0o555) for place in places(path)]
        for place, mode in closed:
            place.chmod(mode)
        ended = _run(path, *command)
        for place, _ in closed:
            if place.exists():
                place.chmod(0o755)
        failure = ended.fault(may=may) or _goes_on(path / "run", expected)
        yield failure and f"{what}: {failure}"
        shutil.rmtree(path)


TRIALS = (
    Trial(
        "read-only",
        "a folder cannot be written, or a file cannot be read: one line; the run stays as it was",
        8,
        48,
        read_only,
    ),
)
