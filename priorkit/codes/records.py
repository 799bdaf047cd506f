"""The record of a prior that was fitted to given codes: the content of `prior.json`."""

import hashlib
import platform
import sys
from importlib import metadata
from pathlib import Path

import torch
from pydantic import BaseModel

from priorkit.codes.conditions import GivenConditions
from priorkit.codes.given_codes import GivenCodes
from priorkit.config import RunConfig, choices_of
from priorkit.interfaces import CodeSpace
from priorkit.registry import Registry

__all__ = ["FORMAT", "CodesRecord", "ConditionRecord", "PriorRecord", "codes_record", "condition_record", "record_of"]

FORMAT = 1
"""The format of `prior.json` that this version writes; increased when older folders need a migration."""

_SLOTS = ("prior", "code_generator", "condition")


class CodesRecord(BaseModel):
    """The record of the codes.

    Attributes:
        shape: The shape of their space.
        given_shape: The original shape of one code.
        entries: For indices, the number of entries; otherwise 0.
        dtype: The dtype of samples: `float32`, `float64` or `int64`.
        count: Number of codes.
        fingerprint: A hash of the codes and their conditions.
        file: The file of the codes, if any.
    """

    shape: tuple[int, ...]
    given_shape: tuple[int, ...]
    entries: int = 0
    dtype: str
    count: int
    fingerprint: str
    file: str | None = None

    @property
    def space(self) -> CodeSpace:
        """The space of the codes."""
        return CodeSpace(self.shape, entries=self.entries)


class ConditionRecord(BaseModel):
    """The record of the conditions.

    Attributes:
        classes: The names of the classes; empty where conditions are vectors.
        shares: The share of each class among the codes.
        dim: Dimensions of given vectors; 0 if conditions are classes.
        seen_dim: Number of dimensions that vary.
    """

    classes: tuple[int | str, ...] = ()
    shares: tuple[float, ...] = ()
    dim: int = 0
    seen_dim: int = 0


class PriorRecord(BaseModel):
    """`prior.json`: the record of a fit.

    Attributes:
        format: The format of the folder.
        priorkit: The version of priorkit.
        python: The version of Python.
        torch: The version of torch.
        platform: The platform, as `platform.platform` describes it.
        device: The device of the training.
        precision: The precision of the training.
        components: The component of each kind: its name, distribution and version.
        codes: The record of the codes.
        condition: The record of the conditions.
    """

    format: int
    priorkit: str
    python: str
    torch: str
    platform: str
    device: str
    precision: str
    components: dict[str, dict[str, str]]
    codes: CodesRecord
    condition: ConditionRecord | None = None


def record_of(
    config: RunConfig,
    registry: Registry,
    codes: CodesRecord,
    condition: ConditionRecord | None,
    *,
    device: str,
    precision: str,
) -> PriorRecord:
    """Makes the record of a fit that begins now."""
    components = {}
    for kind, choice in choices_of(config):
        if kind.slot in _SLOTS:
            found = registry.get(kind.slot, choice.name)
            components[kind.slot] = {
                "name": found.component.name,
                "distribution": found.distribution,
                "version": found.version,
            }
    return PriorRecord(
        format=FORMAT,
        priorkit=metadata.version("priorkit"),
        python=sys.version.split()[0],
        torch=torch.__version__,
        platform=platform.platform(),
        device=device,
        precision=precision,
        components=components,
        codes=codes,
        condition=condition,
    )


def codes_record(given: GivenCodes, conditions: GivenConditions | None, file: Path | None) -> CodesRecord:
    """Makes the record of codes; its fingerprint includes their conditions."""
    digest = hashlib.blake2b(digest_size=16)
    tensors = [given.flat]
    if conditions is not None:
        carrier = conditions.carrier
        tensors += [tensor for tensor in (carrier.labels, carrier.embeddings) if tensor is not None]
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().data)
    return CodesRecord(
        shape=given.space.shape,
        given_shape=given.shape,
        entries=given.space.entries,
        dtype=str(given.flat.dtype).removeprefix("torch."),
        count=len(given),
        fingerprint=digest.hexdigest(),
        file=str(file.absolute()) if file is not None else None,
    )


def condition_record(conditions: GivenConditions | None) -> ConditionRecord | None:
    """Makes the record of conditions; None without conditions."""
    if conditions is None:
        return None
    vectors, scale = conditions.carrier.embeddings, conditions.scale
    return ConditionRecord(
        classes=conditions.classes,
        shares=conditions.shares,
        dim=scale.space.dim if scale is not None else 0,
        seen_dim=vectors.shape[1] if vectors is not None else 0,
    )
