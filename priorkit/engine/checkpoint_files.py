"""The files of one checkpoint, and the checksums that tell when they are damaged."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor

from priorkit.errors import DamagedCheckpointError
from priorkit.whole_files import open_regular, read_regular, sync

__all__ = ["check_checkpoint", "read_metadata", "read_state", "read_weights", "write_checkpoint"]

_WEIGHTS, _STATE, _CHECKSUMS = "weights.safetensors", "state.pt", "checksums.json"


def _damaged(file: Path, error: Exception | str) -> DamagedCheckpointError:
    # torch's own messages go on for many lines.
    return DamagedCheckpointError(file, next(iter(str(error).splitlines()), "") or type(error).__name__)


def write_checkpoint(
    folder: Path, weights: Mapping[str, Tensor], state: Mapping[str, Any], metadata: Mapping[str, str] | None
) -> None:
    """Makes a folder with the files of a checkpoint, and has the operating system write them to the disk.

    Args:
        folder: The folder, which must not be there yet.
        weights: Tensors by name.
        state: Everything else: tensors, numbers, texts, lists and dicts.
        metadata: What `read_metadata` gives.

    Raises:
        OSError: They cannot be written.
    """
    folder.mkdir()
    # Copies, because safetensors takes no tensors that share memory, as those of tied weights do.
    tensors = {
        key: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for key, value in weights.items()
    }
    rest = io.BytesIO()
    torch.save(dict(state), rest)
    # Written from here, a full disk is an OSError; the two libraries have errors of their own for it.
    contents = {
        _WEIGHTS: to_safetensors(tensors, dict(metadata) if metadata else None),
        _STATE: rest.getvalue(),
    }
    checksums = {name: hashlib.blake2b(content, digest_size=16).hexdigest() for name, content in contents.items()}
    contents[_CHECKSUMS] = json.dumps(checksums).encode()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        sync(folder / name)
    sync(folder)


def check_checkpoint(folder: Path, *, state: bool = True) -> None:
    """Makes sure that a checkpoint is undamaged, as far as its checksums tell. Earlier versions wrote none.

    Args:
        folder: Of the checkpoint.
        state: Whether its state matters; otherwise its weights alone do.

    Raises:
        DamagedCheckpointError: A file of it is damaged or missing.
    """
    for name in (_WEIGHTS, _STATE) if state else (_WEIGHTS,):
        _check(folder / name)
    read_metadata(folder)


def _check(file: Path) -> None:
    checksums = file.with_name(_CHECKSUMS)
    try:
        with open_regular(file) as opened:
            found = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except FileNotFoundError:
        shared = " (runs that are pulled, or packed without --resumable, have none)" if file.name == _STATE else ""
        raise _damaged(file, f"it is missing{shared}") from None
    except OSError as error:
        raise _damaged(file, error.strerror or str(error)) from None
    try:
        expected = json.loads(read_regular(checksums).decode("utf-8"))[file.name]
    except FileNotFoundError:
        return  # an earlier version has written it
    except (KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise _damaged(checksums, f"it holds no checksums ({type(error).__name__})") from None
    if found != expected:
        raise _damaged(file, "it is damaged: its checksum is another than when it was written")


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Inside, whatever a library says of a file is that the file is damaged."""
    try:
        yield
    except Exception as error:
        raise _damaged(file, error) from None


def read_metadata(folder: Path) -> dict[str, str]:
    """What a checkpoint was saved with, without reading its tensors.

    Raises:
        DamagedCheckpointError: Its weights' file is damaged or missing.
    """
    with _reading(folder / _WEIGHTS), safe_open(folder / _WEIGHTS, framework="pt") as opened:
        return dict(opened.metadata() or {})


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, on the CPU.

    Raises:
        DamagedCheckpointError: Their file is damaged or missing.
    """
    _check(folder / _WEIGHTS)
    with _reading(folder / _WEIGHTS):
        return load_file(folder / _WEIGHTS)


def read_state(folder: Path) -> dict[str, Any]:
    """The rest of a checkpoint, on the CPU.

    Raises:
        DamagedCheckpointError: Its file is damaged or missing.
    """
    _check(folder / _STATE)
    with _reading(folder / _STATE):
        state: dict[str, Any] = torch.load(folder / _STATE, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"it holds a {type(state).__name__}, no state of a run")
    return state
