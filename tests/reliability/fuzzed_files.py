"""Files with changed bytes or entries: configurations, arrays, pictures, checkpoints."""

import io
import json
import shutil
import tomllib
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import tomli_w
import torch
from fuzzing import changed_bytes, changed_tree, explored, odd_values, run_bounded
from hypothesis import strategies as st
from PIL import Image
from runs import TRAIN, make_reference
from safetensors.torch import load, save
from trial import Trial

from children import Ended

__all__ = ["TRIALS"]

_SHORT = (*TRAIN, "--steps", "1", "--batch-size", "2")


def _as_toml(tree: Any) -> bytes:
    """Returns a tree as TOML, without its None values; as Python's repr if TOML cannot hold it."""
    if isinstance(tree, dict):
        kept = {key: value for key, value in tree.items() if value is not None}
        try:
            return tomli_w.dumps(kept).encode("utf-8", "surrogatepass")
        except (TypeError, ValueError):
            return repr(tree).encode()
    return repr(tree).encode()


def fuzzed_toml(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Trains from changed configurations, and uses runs that have them."""
    reference = make_reference(folder).path
    text = (reference / "config.toml").read_bytes()
    tree = tomllib.loads(text.decode())
    place = folder / "here"

    def judge(content: bytes) -> str | None:
        shutil.copytree(reference, place / "run")
        (place / "run/config.toml").write_bytes(content)
        (place / "given.toml").write_bytes(content)
        commands = (
            ["train", f"{place}/given.toml", "--steps", "1", "--device", "cpu", "--out", f"{place}/new"],
            ["sample", f"{place}/run", "-n", "1", "--out", f"{place}/out.png"],
        )
        faults = [run_bounded(command).fault(may=(0, 1, 2)) for command in commands]
        shutil.rmtree(place)
        return next(filter(None, faults), None)

    return explored(changed_bytes(text) | changed_tree(tree).map(_as_toml), judge, random, trials)


@st.composite
def _npz(draw: st.DrawFn, arrays: dict[str, Any]) -> bytes:
    """Draws an archive with changed bytes, either of the whole file or of one of its arrays."""
    whole = io.BytesIO()
    draw(st.sampled_from([np.savez, np.savez_compressed]))(whole, **arrays)
    if draw(st.booleans()):
        return draw(changed_bytes(whole.getvalue()))
    chosen, packed = draw(st.sampled_from(sorted(arrays))), io.BytesIO()
    kind = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(packed, "w", kind) as written:
        for name in archive.namelist():
            content = archive.read(name)
            if name == f"{chosen}.npy":
                # The first 128 bytes are the header.
                header = draw(changed_bytes(content[:128]))
                content = draw(st.sampled_from([header + content[128:], header]))
            written.writestr(name, content)
    return packed.getvalue()


def fuzzed_npz(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Trains on changed arrays of images, and fits priors to changed arrays of codes."""
    generator, file = np.random.default_rng(0), folder / "given.npz"
    images = {
        "images": generator.integers(0, 256, (20, 16, 16), dtype=np.uint8),
        "labels": np.arange(20) % 2,
        "class_names": np.array(["a", "b"]),
    }
    codes = {"codes": generator.normal(size=(20, 3)), "labels": np.arange(20) % 2}
    commands = {
        "images": [*_SHORT, "--dataset", "npz", "--data-dir", str(file), "--out", str(folder / "made")],
        "codes": [
            "fit",
            "--codes",
            str(file),
            "--prior",
            "full-gaussian",
            "--device",
            "cpu",
            "--out",
            str(folder / "made"),
        ],
    }

    def judge(example: tuple[str, bytes]) -> str | None:
        kind, content = example
        file.write_bytes(content)
        fault = run_bounded(commands[kind]).fault(may=(0, 1, 2), naming="given.npz")
        shutil.rmtree(folder / "made", ignore_errors=True)
        return fault

    drawn = st.tuples(st.just("images"), _npz(images)) | st.tuples(st.just("codes"), _npz(codes))
    return explored(drawn, judge, random, trials)


def _pictures() -> dict[str, bytes]:
    """Returns one picture in several formats and modes, by file name."""
    generator = np.random.default_rng(0)
    image = Image.fromarray(generator.integers(0, 256, (20, 17, 3), dtype=np.uint8))
    found = {}
    for mode, ending in (
        *(("RGB", "png"), ("L", "png"), ("P", "png"), ("RGBA", "png"), ("1", "png"), ("I;16", "png"), ("RGB", "jpg")),
        *(("L", "jpg"), ("CMYK", "jpg"), ("P", "gif"), ("RGB", "bmp"), ("RGB", "webp"), ("RGB", "tiff")),
    ):
        written = io.BytesIO()
        converted = image.convert("L").convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converted.save(written, {"jpg": "jpeg"}.get(ending, ending))
        found[f"{mode.replace(';', '')}.{ending}"] = written.getvalue()
    return found


def fuzzed_pictures(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Trains on data sets with a changed picture, and reconstructs changed pictures."""
    run, pictures = make_reference(folder).path, _pictures()
    data, made = folder / "pictures", folder / "made"
    data.mkdir()
    for number in range(4):
        (data / f"{number}.png").write_bytes(pictures["L.png"])

    def judge(example: tuple[str, bytes]) -> str | None:
        name, content = example
        file = data / name
        file.write_bytes(content)
        commands = (
            [*_SHORT, "--dataset", "folder", "--data-dir", str(data), "--out", str(made)],
            ["reconstruct", str(run), str(file), "--out", str(folder / "pairs.png"), "--overwrite", "--device", "cpu"],
        )
        faults = [run_bounded(command).fault(may=(0, 2), naming=name) for command in commands]
        file.unlink()
        shutil.rmtree(made, ignore_errors=True)
        return next(filter(None, faults), None)

    drawn = st.sampled_from(sorted(pictures)).flatmap(
        lambda name: st.tuples(st.just(name), changed_bytes(pictures[name]))
    )
    return explored(drawn, judge, random, trials)


def _as_state(tree: Any) -> bytes:
    written = io.BytesIO()
    torch.save(tree, written)
    return written.getvalue()


def _as_json(tree: Any) -> bytes:
    return json.dumps(tree).encode("utf-8", "surrogatepass")


@st.composite
def _weights(draw: st.DrawFn, content: bytes) -> bytes:
    """Draws weights in which one tensor has another shape, type, name or value."""
    weights = load(content)
    name = draw(st.sampled_from(sorted(weights)))
    value = weights.pop(name)
    shapes = [(), (0,), (3,), tuple(value.shape), (*value.shape, 1), tuple(reversed(value.shape))]
    types = [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.uint8]
    numbers = draw(st.sampled_from([0.0, float("nan"), float("inf"), 1e30, -1.0]))
    changed = torch.full(draw(st.sampled_from(shapes)), numbers).to(draw(st.sampled_from(types)))
    weights[draw(st.sampled_from([name, name, name, "other", f"average/{name}", f"use/{name}", "", "/"]))] = changed
    return save(weights)


def _files(run: Path) -> dict[str, st.SearchStrategy[bytes]]:
    """Returns strategies for the changed content of a run's files, by file name."""
    last = json.loads((run / "checkpoints/last.json").read_text())["checkpoint"]
    found: dict[str, st.SearchStrategy[bytes]] = {}
    for name, spell in (
        ("environment.json", _as_json),
        ("checkpoints/last.json", _as_json),
        (f"checkpoints/{last}/checksums.json", _as_json),
    ):
        content = (run / name).read_bytes()
        found[name] = changed_bytes(content) | changed_tree(json.loads(content)).map(spell)
    found["metrics.jsonl"] = changed_bytes((run / "metrics.jsonl").read_bytes())
    state, weights = run / "checkpoints" / last / "state.pt", run / "checkpoints" / last / "weights.safetensors"
    values = odd_values | st.sampled_from(
        [torch.zeros(2), torch.tensor(float("nan")), torch.zeros(0, dtype=torch.uint8)]
    )
    tree = torch.load(state, weights_only=True)
    found[f"checkpoints/{last}/state.pt"] = changed_bytes(state.read_bytes()) | changed_tree(tree, values).map(
        _as_state
    )
    found[f"checkpoints/{last}/weights.safetensors"] = changed_bytes(weights.read_bytes()) | _weights(
        weights.read_bytes()
    )
    return found


def fuzzed_checkpoints(folder: Path, random: Random, trials: int) -> Iterator[str | None]:
    """Uses and resumes runs in which one file is changed and checksums are removed."""
    reference, place = make_reference(folder).path, folder / "run"
    files = _files(reference)
    uses: tuple[Callable[[], Ended], ...] = (
        lambda: run_bounded(["sample", str(place), "-n", "1", "--out", str(folder / "out.png"), "--overwrite"]),
        lambda: run_bounded(["train", "--resume", str(place), "--steps", "14"]),
    )

    def judge(example: tuple[str, bytes]) -> str | None:
        name, content = example
        shutil.copytree(reference, place)
        if not name.endswith("checksums.json"):
            for checksums in place.rglob("checksums.json"):
                checksums.unlink()
        (place / name).write_bytes(content)
        faults = [use().fault(may=(0, 1, 2)) for use in uses]
        shutil.rmtree(place)
        return next(filter(None, faults), None)

    drawn = st.sampled_from(sorted(files)).flatmap(lambda name: st.tuples(st.just(name), files[name]))
    return explored(drawn, judge, random, trials)


TRIALS = (
    Trial("fuzzed-toml", "configurations with changed entries or bytes: no traceback", 25, 2_000, fuzzed_toml),
    Trial("fuzzed-npz", "arrays with changed bytes: no traceback; a refusal names their file", 25, 2_000, fuzzed_npz),
    Trial("fuzzed-pictures", "pictures with changed bytes: likewise", 25, 2_000, fuzzed_pictures),
    Trial(
        "fuzzed-checkpoints",
        "checkpoints with changed files and without checksums: no traceback",
        25,
        2_000,
        fuzzed_checkpoints,
    ),
)
