"""Gathers the shared contents of a run: one checkpoint, and the files that describe it."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomli_w

from priorkit.config import read_toml
from priorkit.engine import checkpoint_step
from priorkit.errors import RunFolderError
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.folder import RunFolder, explained_os_errors
from priorkit.runs.metrics_file import read_metrics
from priorkit.runs.report import latest_picture, write_report
from priorkit.runs.scores_file import read_evaluations
from priorkit.runs.sharing.local_paths import without_local_paths
from priorkit.whole_files import read_regular

__all__ = ["gather"]

_PICTURES = ("samples", "reconstructions")


def gather(
    folder: RunFolder, checkpoint: Path, *, resumable: bool = False, registry: Registry | None = None
) -> dict[str, bytes | Path]:
    """Gathers the contents of a run that are shared.

    Measurements, scores and pictures after the checkpoint are left out, because they belong to other weights. Paths of
    this machine are left out, too: the paths of the data, of the run that a prior was fitted to, and of files that
    components read.

    Args:
        folder: The run.
        checkpoint: The folder of the checkpoint.
        resumable: Whether to include the state of the training: optimisers and random generators.
        registry: The registry that knows which options of components are paths; the installed plug-ins if None.

    Returns:
        The contents of small files, and the paths of large ones, by their names in the run folder.

    Raises:
        RunFolderError: A file of the run cannot be read.
    """
    folder.read_environment()
    step = checkpoint_step(checkpoint)
    registry = installed_plugins() if registry is None else registry
    with explained_os_errors("read the run", None):
        settings = without_local_paths(read_toml(folder.config), registry, resumable=resumable)
        contents: dict[str, bytes | Path] = {
            "config.toml": tomli_w.dumps(settings).encode(),
            "environment.json": read_regular(folder.environment),
            "metrics.jsonl": _lines(row for row in read_metrics(folder) if row["step"] <= step),
        }
        evaluations = [
            without_local_paths(item, registry)
            for item in read_evaluations(folder.scores)
            if item.get("checkpoint") == checkpoint.name
        ]
        if evaluations:
            contents["scores.json"] = (json.dumps({"evaluations": evaluations}, indent=2) + "\n").encode()
        contents |= _pictures(folder, step) | _diagnosis(folder, checkpoint, registry)
        contents["report.html"] = _report(folder.path.resolve().name, contents)
        contents |= _checkpoint(checkpoint, resumable=resumable)
    return contents


def _lines(rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _pictures(folder: RunFolder, step: int) -> dict[str, bytes | Path]:
    """Returns the newest picture of each kind up to the checkpoint's step."""
    found = (latest_picture(folder, kind, step) for kind in _PICTURES)
    return {f"samples/{path.name}": read_regular(path) for path in found if path is not None}


def _diagnosis(folder: RunFolder, checkpoint: Path, registry: Registry) -> dict[str, bytes | Path]:
    """Returns the saved diagnosis, if there is one and it is of this checkpoint."""
    try:
        found = json.loads(read_regular(folder.diagnosis))
        of = found["checkpoint"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    if of != checkpoint.name:
        return {}
    text = (json.dumps(without_local_paths(found, registry), indent=2) + "\n").encode()
    picture = folder.diagnosis_picture
    return {"diagnosis.json": text, **({"diagnosis.png": read_regular(picture)} if picture.is_file() else {})}


def _report(name: str, contents: Mapping[str, bytes | Path]) -> bytes:
    """Writes a report from the shared contents alone."""
    with TemporaryDirectory() as parent:
        path = Path(parent) / name
        for file, content in contents.items():
            assert isinstance(content, bytes), "large files are not part of the report"
            target = path / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return read_regular(write_report(RunFolder(path)))


def _checkpoint(checkpoint: Path, *, resumable: bool) -> dict[str, bytes | Path]:
    names = ["weights.safetensors", *(["state.pt"] if resumable else [])]
    pointer = (json.dumps({"checkpoint": checkpoint.name}) + "\n").encode()
    # The only checkpoint that is shared gets both names.
    contents: dict[str, bytes | Path] = {"checkpoints/last.json": pointer, "checkpoints/best.json": pointer}
    below = f"checkpoints/{checkpoint.name}"
    try:
        sums = json.loads(read_regular(checkpoint / "checksums.json"))
        kept = {name: sums[name] for name in names}
        contents[f"{below}/checksums.json"] = json.dumps(kept).encode()
    except FileNotFoundError:
        # An earlier version of priorkit saved this checkpoint.
        pass
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RunFolderError(
            f"cannot read {str(checkpoint / 'checksums.json')!r}: the file holds no checksums ({type(error).__name__})"
        ) from None
    return contents | {f"{below}/{name}": checkpoint / name for name in names}
