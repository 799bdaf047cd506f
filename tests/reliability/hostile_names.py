"""Names with characters that terminals, shells, pages or encodings interpret."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image
from runs import TRAIN
from trial import Trial

from children import Ended, run_command

__all__ = ["TRIALS"]

_PIECES = (
    *("\x1b[2J\x1b[31m", "\x1b]0;title\x07", "\n", "\r", "\t", "\x7f", "\x9b31m", "\u202e", "\u2028"),
    *("<script>alert(1)</script>", "&amp;", "'\"", "\\", "%s%n", "{0}", "$(id)", "`id`", ";", "|", "[bold]", ":", "="),
    *("-", "--", "~", " ", ".", "ü", "数", "😀", "a" * 60, "\udcff\udc80"),
)
_LONGEST = 250
"""Length in bytes that file systems allow a name."""


def hostile_name(random: Random) -> str:
    """Returns a name of a few pieces, without the characters that no file system allows in names."""
    name = "".join(random.choice(_PIECES) for _ in range(random.randint(1, 4))).replace("/", "\u2215")
    if random.random() < 0.1:
        name = name + "x" * 300
    name = os.fsdecode(os.fsencode(name)[: _LONGEST - 60])
    return name if name not in (".", "..") and name.strip("\0") else f"{name}x"


def _run(work: Path, command: Sequence[str]) -> Ended:
    return run_command(list(command), before=lambda: os.chdir(work))


def _of_a_run(work: Path, random: Random) -> list[tuple[str, ...]]:
    """Returns commands on a run whose folder has a hostile name, which may begin with a dash."""
    name = hostile_name(random)
    spelled = f"./{name}" if name.startswith("-") else name
    return [
        (*TRAIN, "--steps", "2", "--out", spelled),
        ("sample", spelled, "-n", "2", "--out", "out.png"),
        ("evaluate", spelled, "--scores", "psnr", "--samples", "4"),
        ("train", "--resume", spelled, "--steps", "3"),
        ("compare", spelled, spelled, "--out", "compared"),
        ("fit", spelled, "--prior", "full-gaussian", "--steps", "1", "--out", f"{spelled}2"),
        ("sample", f"{spelled}3"),
    ]


def _of_classes(work: Path, random: Random) -> list[tuple[str, ...]]:
    """Makes a data set whose class folders have hostile names. Returns commands on it."""
    generator = np.random.default_rng(0)
    names = {hostile_name(random) for _ in range(3)} | {"plain"}
    for name in names:
        (work / "pictures" / name).mkdir(parents=True)
        for number in range(4):
            image = Image.fromarray(generator.integers(0, 256, (16, 16), dtype=np.uint8))
            image.save(work / "pictures" / name / f"{number}.png")
    broken = work / "pictures" / "plain" / f"{hostile_name(random)}.png"
    if random.random() < 0.3:
        broken.write_bytes(b"no picture")
    trained = (*TRAIN, "--steps", "2", "--dataset", "folder", "--data-dir", "pictures", "--out", "run")
    return [
        (*trained, "--prior", "learned", "--condition", "labels"),
        ("sample", "run", "-n", "2", "--label", min(names, key=len), "--out", "out.npz"),
        ("picture", "classes", "run", "--out", "classes.png"),
        ("evaluate", "run", "--scores", "psnr", "--samples", "4"),
    ]


def _of_arrays(work: Path, random: Random) -> list[tuple[str, ...]]:
    """Makes `.npz` files with hostile names of arrays, classes and the files. Returns commands on them."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (20, 16, 16), dtype=np.uint8)
    texts = [os.fsencode(hostile_name(random)).decode(errors="replace") for _ in range(4)]
    file = f"{hostile_name(random)}.npz"
    beside = {"labels": np.arange(20) % 2, "class_names": np.array(texts[:2])} if random.random() < 0.5 else {}
    with (work / file).open("wb") as opened:
        np.savez(opened, images=images, **{f"x{texts[2]}": np.zeros(1)}, **beside)
    codes = f"codes{hostile_name(random)}.npz"
    with (work / codes).open("wb") as opened:
        np.savez(opened, **{random.choice(("codes", f"x{texts[3]}")): generator.normal(size=(20, 2))})
    spelled = f"./{file}" if file.startswith("-") else file
    return [
        (*TRAIN, "--steps", "2", "--dataset", "npz", "--data-dir", spelled, "--out", "run"),
        ("sample", "run", "-n", "2", "--out", "out.npz"),
        ("fit", "--codes", codes, "--prior", "full-gaussian", "--out", "prior"),
        (*TRAIN, "--steps", "1", "--dataset", "npz", "--data-dir", f"{spelled}2", "--out", "run2"),
    ]


def hostile_names(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Runs commands on hostile names of run folders, class folders, arrays and files."""
    kinds = (_of_a_run, _of_classes, _of_arrays)
    for number in range(trials):
        work = folder / f"work-{number}"
        work.mkdir()
        failure = None
        for command in kinds[number % len(kinds)](work, random):
            fault = _run(work, command).fault()
            failure = failure or (fault and f"priorkit {list(command)!a}: {fault}")
        for page in work.rglob("*.html"):
            if "<script>alert" in page.read_text(encoding="utf-8", errors="replace"):
                failure = failure or f"{page.name} holds a name without escapes"
        yield failure
        shutil.rmtree(work)


TRIALS = (
    Trial(
        "hostile-names",
        "names with escapes, line breaks, HTML or undecodable bytes: shown harmlessly, no traceback",
        3,
        45,
        hostile_names,
    ),
)
