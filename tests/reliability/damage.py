"""Runs with damaged files, or with links that lead elsewhere."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
from runs import Reference, make_reference
from trial import Trial

from children import Ended, run_command

__all__ = ["TRIALS"]

_UNPROTECTED = (".png", ".html", ".lock", "metrics.jsonl")
"""Endings of files without checksums, on which samples do not depend."""


def _files(path: Path) -> list[Path]:
    found = sorted(entry.relative_to(path) for entry in path.rglob("*") if entry.is_file())
    return [file for file in found if not file.name.startswith("events.")]


def _damaged(content: bytes, random: Random) -> bytes:
    """Returns the content with one bit flipped, or without its end."""
    if not content or random.random() < 0.3:
        return content[: random.randrange(len(content))] if content else b"\0"
    place = random.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << random.randrange(8))]) + content[place + 1 :]


def _sample(path: Path, out: Path) -> Ended:
    out.unlink(missing_ok=True)
    return run_command(["sample", str(path), "-n", "4", "--device", "cpu", "--out", str(out)])


def _judge(ended: Ended, out: Path, expected: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> str | None:
    """Returns a failure unless a command on a damaged run reports the damage, or gives the undamaged run's samples."""
    if not ended.tells or ended.status == 1:
        return f"it ended with {ended.status}: {ended.output.strip()[-300:]}"
    if ended.status == 2:
        return None if len(ended.output.strip().splitlines()) == 1 else f"more than one line: {ended.output[:300]}"
    if "warning:" in ended.output or "note:" in ended.output:
        return None
    with np.load(out) as arrays:
        return None if np.array_equal(arrays["images"], expected) else "other samples, without a message"


def damaged_files(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Flips one bit of a file, or removes its end."""
    reference, out = make_reference(folder), folder / "samples.npz"
    assert _sample(reference.path, out).status == 0
    with np.load(out) as arrays:
        expected = arrays["images"]
    for file in _files(reference.path):
        for _ in range(trials):
            path = Path(shutil.copytree(reference.path, folder / "damaged"))
            (path / file).write_bytes(_damaged((path / file).read_bytes(), random))
            failure = _judge(_sample(path, out), out, expected)
            if failure is None and random.random() < 0.25:
                failure = _resumes(path, reference)
            yield failure and f"{file}: {failure}"
            shutil.rmtree(path)


def _resumes(path: Path, reference: Reference) -> str | None:
    ended = run_command(["train", "--resume", str(path), "--steps", "14"])
    if not ended.tells or ended.status == 1:
        return f"--resume ended with {ended.status}: {ended.output.strip()[-300:]}"
    return None


def links(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Replaces a file or folder of a run by a link to one elsewhere."""
    reference = make_reference(folder)
    names = ["samples", "checkpoints", ".lock", "report.html", "metrics.jsonl", "config.toml", "environment.json"]
    for number in range(trials):
        name = names[number % len(names)]
        path, outside = Path(shutil.copytree(reference.path, folder / "linked")), folder / "outside"
        (path / name).rename(outside)
        (path / name).symlink_to(outside)
        before = {file: (outside / file).read_bytes() for file in _files(outside)} or outside.read_bytes()
        ended = run_command(["train", "--resume", str(path), "--steps", "14"])
        after = {file: (outside / file).read_bytes() for file in _files(outside)} or outside.read_bytes()
        failure = None if ended.tells else f"it ended with {ended.status}: {ended.output.strip()[-300:]}"
        yield f"{name}: {failure or 'the target of the link was changed'}" if failure or before != after else None
        shutil.rmtree(path)
        shutil.rmtree(outside) if outside.is_dir() else outside.unlink()


TRIALS = (
    Trial(
        "damaged-files",
        "each file of a run has a flipped bit or lacks its end: the command reports it, or is not affected",
        1,
        40,
        damaged_files,
    ),
    Trial("links", "a part of a run is a link to elsewhere: nothing there is changed", 7, 21, links),
)
