"""Hostile files: payloads, absurd headers, deep nesting, bombs, names that leave the folder, pipes and devices."""

import io
import json
import os
import pickle
import resource
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import torch
from runs import TRAIN, make_reference
from safetensors.torch import load_file, save_file
from trial import Trial

from children import Ended, run_command

__all__ = ["TRIALS"]

_MARK = "payload-ran"
_PATIENCE = 30.0
_BOMB = 2**30
"""Bytes to which a bomb unfolds; half of it is the memory that a command may allocate in addition."""


class _Payload:
    """An object that runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {_MARK}",)


Spoiling = Callable[[Path, Random], None]


def _checkpoint(run: Path) -> Path:
    name = json.loads((run / "checkpoints/last.json").read_text())["checkpoint"]
    return run / "checkpoints" / name


def _without_checksums(file: Path) -> None:
    """Removes the checksums: the sender of a file can also send a matching checksum."""
    (file.parent / "checksums.json").unlink(missing_ok=True)


def _pickle_state(work: Path, random: Random) -> None:
    file = _checkpoint(work / "run") / "state.pt"
    _without_checksums(file)
    if random.random() < 0.5:
        torch.save({"engine": _Payload()}, file)
    else:
        file.write_bytes(pickle.dumps(_Payload()))


def _pickle_weights(work: Path, random: Random) -> None:
    file = _checkpoint(work / "run") / "weights.safetensors"
    _without_checksums(file)
    torch.save({"encoder/weight": _Payload()}, file)


def _other_weights(work: Path, random: Random) -> None:
    file = _checkpoint(work / "run") / "weights.safetensors"
    weights = load_file(file)
    _without_checksums(file)
    names = sorted(weights)
    chosen = random.choice(names)
    what = random.randrange(5)
    if what == 0:
        weights = {f"other/{name}": value for name, value in weights.items()}
    elif what == 1:
        del weights[chosen]
    elif what == 2:
        weights[chosen] = torch.zeros(3, 3, 3)
    elif what == 3:
        weights[f"{chosen}/../../x"] = torch.zeros(1)
    else:
        weights = {name: value.to(torch.float64) for name, value in weights.items()}
    save_file(weights, file)


def _safetensors_header(work: Path, random: Random) -> None:
    file = _checkpoint(work / "run") / "weights.safetensors"
    _without_checksums(file)
    tensor = {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 2**62]}
    headers = [
        b'{"a":' * 100_000,
        json.dumps({"a": tensor}).encode(),
        json.dumps({"a": {**tensor, "shape": [-1], "data_offsets": [8, 0]}}).encode(),
        json.dumps({"a": {**tensor, "dtype": "F" * 1000}}).encode(),
        json.dumps({"__metadata__": {"format": "9" * 6000}}).encode(),
    ]
    header = random.choice(headers)
    length = random.choice((len(header), 2**63, 0, 2**32))
    file.write_bytes(struct.pack("<Q", length) + header)


def _object_arrays(work: Path, random: Random) -> None:
    objects = np.array([_Payload()], dtype=object)
    random.choice(
        (
            lambda: np.savez(work / "data.npz", images=objects),
            lambda: np.savez(
                work / "data.npz", images=np.zeros((9, 8, 8), np.uint8), labels=np.array([_Payload()] * 9)
            ),
            lambda: np.savez(work / "codes.npz", codes=objects),
            lambda: np.save(work / "codes.npy", objects),
            lambda: np.savez(work / "codes.npz", codes=np.zeros((9, 2)), labels=np.array([_Payload()] * 9)),
        )
    )()


def _bomb(work: Path, random: Random) -> None:
    """Writes a small file that unfolds to many bytes."""
    name, file = random.choice((("images", "data.npz"), ("codes", "codes.npz")))
    header = io.BytesIO()
    kind, row = ("|u1", (64, 64)) if name == "images" else ("<f8", (512,))
    size = int(np.prod(row)) * np.dtype(kind).itemsize
    described = {"descr": kind, "fortran_order": False, "shape": (_BOMB // size, *row)}
    np.lib.format.write_array_header_1_0(header, described)
    with (
        zipfile.ZipFile(work / file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"{name}.npy", "w", force_zip64=True) as member,
    ):
        member.write(header.getvalue())
        if random.random() < 0.5:
            # The header is true: the file really unfolds to this size.
            for _ in range(_BOMB // 2**24):
                member.write(bytes(2**24))


def _nested(work: Path, random: Random) -> None:
    depth = 100_000
    deep = {"json": "[" * depth + "]" * depth, "toml": "a = " + "[" * depth + "]" * depth}
    run = work / "run"
    files = [run / "environment.json", run / "config.toml", run / "checkpoints/last.json", run / "metrics.jsonl"]
    files += [_checkpoint(run) / "checksums.json", run / "scores.json", work / "config.toml"]
    file = random.choice(files)
    file.write_text(deep["toml" if file.suffix == ".toml" else "json"])


def _ways_out(work: Path, random: Random) -> None:
    """Writes names into the run's files that lead out of the folder."""
    (work / "outside").mkdir()
    shutil.copytree(_checkpoint(work / "run"), work / "outside/step-00000012")
    out = random.choice(
        ("../../outside/step-00000012", str(work / "outside/step-00000012"), "..", ".", "", "step-1/../..")
    )
    what = random.choice(("checkpoint", "earlier", "class", "fitted"))
    if what in ("checkpoint", "earlier"):
        pointer = {"checkpoint": out} if what == "checkpoint" else {"checkpoint": "step-99999999", "earlier": [out]}
        (work / "run/checkpoints/last.json").write_text(json.dumps(pointer))
    elif what == "class":
        file = work / "run/environment.json"
        environment = json.loads(file.read_text())
        environment["data"]["class_names"] = [out] * 10
        file.write_text(json.dumps(environment))
    else:
        file = work / "run/config.toml"
        file.write_text(f'fitted_to = "{out}"\n{file.read_text()}')


def _parts(work: Path) -> list[Path]:
    """Returns the files and folders that commands read."""
    run = work / "run"
    files = [entry for entry in run.rglob("*") if not entry.name.startswith("events.")]
    extra = [run / ".lock", run / "scores.json", run / "checkpoints/best.json"]
    return [*files, *extra, work / "config.toml", work / "data.npz", work / "codes.npz", work / "pictures/a/1.png"]


def _no_file(work: Path, random: Random) -> None:
    """Replaces a file by a fifo, a device or a link loop: a careless reader would wait, or read for ever."""
    part = random.choice(_parts(work))
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)
    kind = random.choice(("fifo", "zero", "null", "loop", "folder", "dangling"))
    if kind == "fifo":
        os.mkfifo(part)
    elif kind == "folder":
        part.mkdir()
    else:
        part.symlink_to({"zero": "/dev/zero", "null": "/dev/null", "loop": part.name, "dangling": "not-there"}[kind])


_SPOILINGS: dict[str, Spoiling] = {
    "a payload in state.pt": _pickle_state,
    "a payload in the weights": _pickle_weights,
    "other weights": _other_weights,
    "an absurd header of weights": _safetensors_header,
    "arrays of objects": _object_arrays,
    "a bomb": _bomb,
    "deep nesting": _nested,
    "ways out": _ways_out,
    "a fifo, a device or a loop": _no_file,
}


def _prepared(folder: Path, reference: Path) -> Path:
    work, generator = folder / "work", np.random.default_rng(0)
    (work / "pictures/a").mkdir(parents=True)
    shutil.copytree(reference, work / "run")
    shutil.copy(reference / "config.toml", work / "config.toml")
    images = generator.integers(0, 256, (20, 16, 16), dtype=np.uint8)
    np.savez(work / "data.npz", images=images)
    np.savez(work / "codes.npz", codes=generator.normal(size=(20, 3)))
    from PIL import Image

    for number, image in enumerate(images[:6]):
        Image.fromarray(image).save(work / f"pictures/a/{number}.png")
    return work


_COMMANDS = (
    ("sample", "run", "-n", "2", "--out", "out.png"),
    ("sample", "run", "-n", "2", "--checkpoint", "best", "--out", "out.npz"),
    ("train", "--resume", "run", "--steps", "14"),
    ("evaluate", "run", "--scores", "psnr", "--samples", "4"),
    ("train", "config.toml", "--steps", "1", "--out", "new"),
    (*TRAIN, "--steps", "1", "--dataset", "npz", "--data-dir", "data.npz", "--out", "new"),
    (*TRAIN, "--steps", "1", "--dataset", "folder", "--data-dir", "pictures", "--out", "new"),
    ("fit", "--codes", "codes.npz", "--prior", "full-gaussian", "--out", "prior"),
    ("fit", "--codes", "codes.npy", "--prior", "full-gaussian", "--out", "prior"),
    ("reconstruct", "run", "pictures/a/1.png", "--out", "pairs.png"),
)


def _run(work: Path, command: tuple[str, ...]) -> Ended:
    def before() -> None:
        os.chdir(work)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + _BOMB // 2
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    return run_command(command, before=before, within=_PATIENCE)


def hostile_files(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Replaces one file by a hostile one, and runs the commands that may read it."""
    reference = make_reference(folder).path
    names = list(_SPOILINGS)
    for number in range(trials):
        work = _prepared(folder, reference)
        name = names[number % len(names)]
        _SPOILINGS[name](work, random)
        before = sorted(folder.iterdir())
        failure = None
        for command in _COMMANDS if trials > len(names) else random.sample(_COMMANDS, 3):
            fault = _run(work, command).fault()
            failure = failure or (fault and f"priorkit {' '.join(command[:3])}: {fault}")
        if (work / _MARK).exists() or (folder / _MARK).exists():
            failure = "the payload ran"
        if sorted(folder.iterdir()) != before:
            failure = failure or "something was written outside"
        yield failure and f"{name}: {failure}"
        shutil.rmtree(work)


TRIALS = (
    Trial(
        "hostile-files",
        "files with payloads, absurd headers, deep nesting, bombs, ways out, fifos, devices: nothing runs or hangs",
        9,
        63,
        hostile_files,
    ),
)
