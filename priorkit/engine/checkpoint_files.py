"""The files of one checkpoint, and the checksums that detect damage."""

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
    # torch's own messages have many lines.
    return DamagedCheckpointError(file, next(iter(str(error).splitlines()), "") or type(error).__name__)


def write_checkpoint(
    folder: Path, weights: Mapping[str, Tensor], state: Mapping[str, Any], metadata: Mapping[str, str] | None
) -> None:
    """Makes a folder with the files of a checkpoint, and flushes them to the disk (fsync).

    Args:
        folder: The folder, which must not exist yet.
        weights: Tensors by name.
        state: Everything else: tensors, numbers, texts, lists and dicts.
        metadata: What `read_metadata` will return.

    Raises:
        OSError: The files cannot be written.
    """
    folder.mkdir()
    # Copies, because safetensors refuses tensors that share memory, such as tied weights.
    tensors = {
        key: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for key, value in weights.items()
    }
    rest = io.BytesIO()
    torch.save(dict(state), rest)
    # Written here, so that a full disk is an OSError; the two libraries raise different errors.
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
    """Checks the files of a checkpoint by its checksums, if it has any: earlier versions wrote none.

    Args:
        folder: The checkpoint's folder.
        state: Whether to check the state, too, and not only the weights.

    Raises:
        DamagedCheckpointError: A file is damaged or missing.
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
        shared = " (runs that were pulled, or packed without --resumable, have no state)" if file.name == _STATE else ""
        raise _damaged(file, f"it is missing{shared}") from None
    except OSError as error:
        raise _damaged(file, error.strerror or str(error)) from None
    try:
        expected = json.loads(read_regular(checksums).decode("utf-8"))[file.name]
    except FileNotFoundError:
        return  # written by an earlier version
    except (KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise _damaged(checksums, f"it holds no checksums ({type(error).__name__})") from None
    if found != expected:
        raise _damaged(file, "it is damaged: its checksum differs from the recorded one")


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Inside this context, any error of a library means that the file is damaged."""
    try:
        yield
    except Exception as error:
        raise _damaged(file, error) from None


def read_metadata(folder: Path) -> dict[str, str]:
    """A checkpoint's metadata, read without its tensors.

    Raises:
        DamagedCheckpointError: The file of weights is damaged or missing.
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
            raise TypeError(f"it holds a {type(state).__name__}, not the state of a run")
    return state
