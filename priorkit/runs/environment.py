"""What a run was made with: versions, hardware, plug-ins, data."""

import hashlib
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Literal

import torch
from pydantic import BaseModel, ValidationError

from priorkit.config import RunConfig
from priorkit.interfaces import ImageData, ImageShape
from priorkit.plugins import KINDS, Registry
from priorkit.training import Session

__all__ = ["check_environment", "data_fingerprint", "describe_environment", "recorded_shape"]


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def data_fingerprint(data: ImageData) -> str:
    """A short text that differs where two data sets differ in an image or in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (data.train, data.test):
        digest.update(f"{tuple(part.images.shape)}".encode())
        digest.update(part.images.contiguous().numpy().data)
    return digest.hexdigest()


def describe_environment(session: Session, config: RunConfig, registry: Registry, data: ImageData) -> dict[str, Any]:
    """Everything about a run that its configuration does not say, as plain values for JSON."""
    device = session.precision.device
    components = {}
    for kind in KINDS:
        registered = registry.get(kind.slot, getattr(config, kind.slot).name)
        components[kind.slot] = {
            "name": registered.component.name,
            "distribution": registered.distribution,
            "version": registered.version,
        }
    return {
        "priorkit": _version("priorkit"),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "torchvision": _version("torchvision"),
        "platform": platform.platform(),
        "device": str(device),
        "hardware": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "processes": session.processes.count,
        "threads": torch.get_num_threads(),
        "precision": session.precision.name,
        "components": components,
        "data": {
            "channels": data.shape.channels,
            "size": data.shape.size,
            "train": len(data.train),
            "held_out": len(data.test),
            "fingerprint": data_fingerprint(data),
            "class_names": list(data.class_names),
            "notes": list(data.notes),
        },
        "parameters": {
            name: sum(weight.numel() for weight in network.parameters())
            for name, network in session.engine.networks.items()
        },
    }


class _Used(BaseModel):
    name: str
    distribution: str
    version: str


class _Data(BaseModel):
    channels: Literal[1, 3]
    size: Literal[16, 32, 64, 128]
    train: int
    held_out: int
    fingerprint: str


class _Environment(BaseModel):
    priorkit: str
    torch: str
    device: str
    precision: Literal["float32", "bfloat16"]
    components: dict[str, _Used]
    data: _Data
    parameters: dict[str, int]


def check_environment(environment: Any) -> dict[str, Any]:
    """Makes sure that something has what is read of `describe_environment`, and returns it as it is.

    Raises:
        ValueError: Something in it is missing or has another type; the message is one line.
    """
    try:
        _Environment.model_validate(environment, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from None
    kept: dict[str, Any] = environment
    return kept


def recorded_shape(environment: Mapping[str, Any]) -> ImageShape:
    """The images' shape that a run was trained with."""
    return ImageShape(int(environment["data"]["channels"]), int(environment["data"]["size"]))
