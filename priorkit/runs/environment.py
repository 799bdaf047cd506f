"""What a run was made with: versions, hardware, plug-ins, data."""

import hashlib
import platform
import sys
from importlib import metadata
from typing import Any

import torch

from priorkit.config import RunConfig
from priorkit.interfaces import ImageData, ImageShape
from priorkit.plugins import KINDS, Registry
from priorkit.training import Session

__all__ = ["data_fingerprint", "describe_environment", "missing_plugins", "recorded_shape"]


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


def recorded_shape(environment: dict[str, Any]) -> ImageShape:
    """The images' shape that a run was trained with."""
    return ImageShape(int(environment["data"]["channels"]), int(environment["data"]["size"]))


def missing_plugins(environment: dict[str, Any], registry: Registry) -> list[str]:
    """Components that a run used and that are not here now, each with the distribution that had it."""
    missing = []
    for kind in KINDS:
        used = environment.get("components", {}).get(kind.slot)
        if used and used["name"] not in registry.names(kind.slot):
            missing.append(f"{kind.title} {used['name']!r} of {used['distribution']} {used['version']}")
    return missing
