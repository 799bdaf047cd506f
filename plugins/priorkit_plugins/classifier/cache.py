"""Networks in the cache: found by what they were trained on, written whole or not at all."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from priorkit.interfaces import ImageSet, StoredImages

__all__ = ["cache_key", "read_cached", "weights_hash", "write_cached"]

_FORMAT = 2
"""Changes whenever the network, or how it is trained, does."""


def _update(digest: "hashlib.blake2b", part: ImageSet) -> None:
    if isinstance(part.images, StoredImages):
        pixels: object = part.images.fingerprint()
    else:
        pixels = hashlib.blake2b(part.images.contiguous().numpy().data, digest_size=16).hexdigest()
    digest.update(f"{len(part)} {part.shape} {pixels} {part.labels is not None} ".encode())
    if part.labels is not None:
        digest.update(part.labels.contiguous().numpy().data)


def cache_key(train: ImageSet, test: ImageSet, settings: Mapping[str, object]) -> str:
    """A name for the network that these images and settings give: 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([_FORMAT, settings], sort_keys=True).encode())
    for part in (train, test):
        _update(digest, part)
    return digest.hexdigest()


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """What tells one set of weights from another: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_cached(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """A network's tensors and what is noted with them; None if the file is not there.

    Raises:
        ValueError: The file is broken.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            notes = dict(file.metadata() or {})
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    if notes.get("hash") != weights_hash(tensors):
        raise ValueError("its weights are not those that were written")
    return tensors, notes


def write_cached(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """Writes a network; several processes may do so at a time.

    Raises:
        OSError: The folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(kept, draft, metadata={**notes, "hash": weights_hash(kept)})
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
