"""The environment of a run: versions, hardware, plug-ins, data."""

import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Literal

import torch
from pydantic import BaseModel, Field, ValidationError

from priorkit.config import RunConfig, choices_of
from priorkit.data import DataSummary, Preparation, PreparedData, class_counts, summarise
from priorkit.data.fingerprints import captions_fingerprint, condition_fingerprint, describe_data
from priorkit.given import still_given
from priorkit.interfaces import ImageData, ImageShape
from priorkit.plugins import KINDS
from priorkit.registry import Registry
from priorkit.runs.formats import FORMAT
from priorkit.training import Session

__all__ = ["check_environment", "describe_environment", "recorded_data", "recorded_preparation"]


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def describe_environment(session: Session, config: RunConfig, registry: Registry, data: ImageData) -> dict[str, Any]:
    """Describes a run's versions, hardware, plug-ins and data, as plain values for JSON."""
    device, summary = session.precision.device, summarise(data)
    condition = session.system.condition
    brings_condition = condition is not None and condition.from_data
    reads_text = condition is not None and condition.reads_text
    components: dict[str, Any] = {kind.slot: [] for kind in KINDS if kind.several}
    for kind, choice in choices_of(config):
        registered = registry.get(kind.slot, choice.name)
        used = {
            "name": registered.component.name,
            "distribution": registered.distribution,
            "version": registered.version,
        }
        components[kind.slot] = [*components[kind.slot], used] if kind.several else used
    return {
        "format": FORMAT,
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
        "given": still_given(config, registry.given),
        "data": {
            "channels": data.shape.channels,
            "size": data.shape.size,
            "train": len(data.train),
            "held_out": len(data.test),
            "classes": summary.classes,
            "embedding_dim": summary.embedding_dim,
            **describe_data(data),
            "beside_fingerprint": condition_fingerprint(data) if brings_condition and not reads_text else None,
            "captions_fingerprint": captions_fingerprint(data) if reads_text else None,
            "class_names": list(data.class_names),
            "class_counts": class_counts(data),
            "notes": list(data.notes),
            "preparation": _preparation(data),
            # The vocabulary, from which a text encoder is built.
            "vocabulary": list(summary.vocabulary) if reads_text else [],
        },
        "parameters": {
            name: sum(weight.numel() for weight in network.parameters())
            for name, network in session.engine.networks.items()
        },
    }


def _preparation(data: ImageData) -> dict[str, Any] | None:
    found = data.preparation if isinstance(data, PreparedData) else None
    if found is None:
        return None
    return {"given": list(found.given), "background": None if found.background is None else list(found.background)}


class _Used(BaseModel):
    name: str
    distribution: str
    version: str


class _Preparation(BaseModel):
    given: list[int] = Field(min_length=3, max_length=3)
    background: list[int] | None


class _Data(BaseModel):
    channels: Literal[1, 3]
    size: Literal[16, 32, 64, 128]
    train: int
    held_out: int
    classes: int = 0
    embedding_dim: int = 0
    class_names: list[str] = []
    class_counts: list[int] = []
    vocabulary: list[str] = []
    preparation: _Preparation | None = None
    fingerprint: str | None
    stored_fingerprint: str | None = None
    sample_fingerprint: str | None = None
    beside_fingerprint: str | None = None
    captions_fingerprint: str | None = None


class _Environment(BaseModel):
    priorkit: str
    torch: str
    device: str
    precision: Literal["float32", "bfloat16"]
    components: dict[str, _Used | list[_Used]]
    given: dict[str, str] = {}
    data: _Data
    parameters: dict[str, int]


def check_environment(environment: Any) -> dict[str, Any]:
    """Checks that a value has the fields of `describe_environment` that are read later, and returns it unchanged.

    Raises:
        ValueError: A field is missing or has another type; the message is one line.
    """
    try:
        _Environment.model_validate(environment, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from None
    kept: dict[str, Any] = environment
    return kept


def recorded_data(environment: Mapping[str, Any]) -> DataSummary:
    """Returns the recorded summary of the data for which a run's networks were built; without the images."""
    data = environment["data"]
    shape = ImageShape(int(data["channels"]), int(data["size"]))
    # The first version had no conditions.
    dims = int(data.get("classes", 0)), int(data.get("embedding_dim", 0))
    words = tuple(data.get("vocabulary", ()))
    return DataSummary(shape, *dims, train_count=int(data["train"]), vocabulary=words)


def recorded_preparation(environment: Mapping[str, Any]) -> Preparation | None:
    """Returns how a run's images were converted to one shape; None if an earlier version started the run."""
    found = environment["data"].get("preparation")
    if found is None:
        return None
    background = found["background"]
    channels, height, width = found["given"]
    return Preparation((channels, height, width), None if background is None else tuple(background))
