"""A cache of trained networks: identified by their training data and settings, and written atomically."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from priorkit.interfaces import ImageSet, StoredImages
from priorkit.plugins import PluginWarning

__all__ = ["cache_key", "kept_or_trained", "read_cached", "weights_hash", "write_cached"]

_FORMAT = 2
"""Must be changed whenever a network or its training changes."""

N = TypeVar("N", bound=nn.Module)


def _update(digest: "hashlib.blake2b", part: ImageSet) -> None:
    if isinstance(part.images, StoredImages):
        pixels: object = part.images.fingerprint()
    else:
        pixels = hashlib.blake2b(part.images.contiguous().numpy().data, digest_size=16).hexdigest()
    digest.update(f"{len(part)} {part.shape} {pixels} {part.labels is not None} ".encode())
    if part.labels is not None:
        digest.update(part.labels.contiguous().numpy().data)


def _update_captions(digest: "hashlib.blake2b", part: ImageSet) -> None:
    listed = None if part.captions is None else list(part.captions)
    digest.update(json.dumps(listed).encode())


def cache_key(train: ImageSet, test: ImageSet | None, settings: Mapping[str, object], *, captions: bool = False) -> str:
    """A name for the network trained on these images with these settings: 32 hexadecimal digits.

    Args:
        train: The training images, with their labels.
        test: The images for its accuracy; None if the cached content does not depend on them.
        settings: Plain values that determine the trained network.
        captions: Whether the network depends on the images' captions, too.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([_FORMAT, settings], sort_keys=True).encode())
    for part in (train,) if test is None else (train, test):
        _update(digest, part)
        if captions:
            _update_captions(digest, part)
    return digest.hexdigest()


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """A hash that identifies a set of weights: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_cached(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """A network's tensors and notes; None if the file does not exist.

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
    """Writes a network; several processes may do so at the same time.

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


def kept_or_trained(
    path: Path, title: str, build: Callable[[], N], train: Callable[[], tuple[N, Mapping[str, str]]]
) -> tuple[N, Mapping[str, str]]:
    """A network from the cache, or a newly trained one, which is then cached.

    A broken file, or a folder that cannot be written, causes a warning.

    Args:
        path: The network's file.
        title: The network's name in warnings.
        build: Makes the untrained network; the state of torch's global generator is restored afterwards.
        train: Makes and trains the network; returns the notes to store.

    Returns:
        The network, on the device that `build` or `train` chose, and the notes, with the `hash` of its weights.
    """
    try:
        cached = read_cached(path)
        if cached is not None:
            with torch.random.fork_rng(devices=[]):
                network = build()
            network.load_state_dict(cached[0])
            return network, cached[1]
    except (KeyError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        warnings.warn(f"the {title} in {str(path)!r} is broken ({reason}); it is trained again", PluginWarning, 3)
    network, notes = train()
    weights = network.state_dict()
    try:
        write_cached(path, weights, notes)
    except OSError as error:
        warnings.warn(
            f"the {title} cannot be kept in {str(path.parent)!r} ({error.strerror or error}) and will be trained again "
            "the next time; PRIORKIT_CACHE names another folder",
            PluginWarning,
            stacklevel=3,
        )
    return network, {**notes, "hash": weights_hash(weights)}
