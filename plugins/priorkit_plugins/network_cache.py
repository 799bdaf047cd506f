"""Networks in the cache: found by what they were trained on, written whole or not at all."""

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
"""Changes whenever a network, or how it is trained, does."""

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
    """A name for the network that these images and settings give: 32 hexadecimal digits.

    Args:
        train: The images that it is trained on, with their labels.
        test: Those that it is tried on; None where what is kept does not depend on them.
        settings: Plain values that decide which network comes out.
        captions: Whether it depends on the images' captions, too.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([_FORMAT, settings], sort_keys=True).encode())
    for part in (train,) if test is None else (train, test):
        _update(digest, part)
        if captions:
            _update_captions(digest, part)
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


def kept_or_trained(
    path: Path, title: str, build: Callable[[], N], train: Callable[[], tuple[N, Mapping[str, str]]]
) -> tuple[N, Mapping[str, str]]:
    """A network from the cache, or a newly trained one, which is kept there for the next time.

    A file that is broken, or a folder that cannot be written, is a warning.

    Args:
        path: Its file.
        title: What it is called in warnings.
        build: Makes the network, untrained; what it draws from torch's global generator is not missed.
        train: Makes and trains it, and says what to note with it.

    Returns:
        The network, where `build` or `train` put it, and the notes; `hash` among them is that of its weights.
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
