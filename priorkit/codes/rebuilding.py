"""Rebuilds a fitted prior from its settings, its record and its tensors."""

import torch
from torch import Tensor

from priorkit.codes.building import build_prior
from priorkit.codes.conditions import PriorCondition
from priorkit.codes.records import PriorRecord
from priorkit.codes.scale import CodeScale
from priorkit.config import RunConfig
from priorkit.config.building import build_optional
from priorkit.errors import RunFolderError
from priorkit.interfaces import CodeSpace, Condition, Prior
from priorkit.models import tensors_below
from priorkit.plugins import ConditionContext
from priorkit.registry import Registry

__all__ = ["rebuilt_parts"]


def rebuilt_parts(
    config: RunConfig, registry: Registry, record: PriorRecord, weights: dict[str, Tensor]
) -> tuple[Prior, CodeScale, PriorCondition | None]:
    """Rebuilds the prior for evaluation, the scale of its codes and its condition, on the CPU.

    Args:
        config: The resolved settings.
        registry: The registry of components.
        record: The record of the codes and conditions.
        weights: Tensors by `network/tensor`; those of the prior are averaged, if the fit averages.

    Raises:
        RunFolderError: The settings have no condition, but the record has one.
        KeyError, RuntimeError: The tensors belong to another prior.
    """
    scale = CodeScale(record.codes.space)
    scale.load_state_dict(tensors_below("scale", weights))
    with torch.random.fork_rng(devices=[]):
        condition = None
        if record.condition is not None:
            found = record.condition
            module = _condition(config, registry, len(found.classes), found.seen_dim)
            module.load_state_dict(tensors_below("condition", weights))
            condition = PriorCondition(module, found.classes, found.shares, _scale_of(found.dim, weights))
        prior = build_prior(
            config, registry, scale.seen, condition.module if condition is not None else None, record.codes.count
        )
    used = next(name for name in ("use", "average", "prior") if tensors_below(name, weights) or name == "prior")
    prior.load_state_dict(tensors_below(used, weights))
    return prior, scale, condition


def _condition(config: RunConfig, registry: Registry, classes: int, dim: int) -> Condition:
    """The condition of a loaded prior, before its tensors are loaded.

    Args:
        config: The choice of the condition.
        registry: The registry of components.
        classes: Number of classes; 0 where conditions are vectors.
        dim: Dimensions of vectors; 0 where conditions are classes.

    Raises:
        RunFolderError: The settings have no condition.
    """
    condition = build_optional(config, registry, "condition", Condition, ConditionContext(classes, dim))
    if condition is None:
        raise RunFolderError("prior.json has a condition, but prior.toml has none; restore the files")
    return condition


def _scale_of(dim: int, weights: dict[str, Tensor]) -> CodeScale | None:
    """The scale of conditions that are vectors; None if conditions are classes."""
    if not dim:
        return None
    scale = CodeScale(CodeSpace((dim,)))
    scale.load_state_dict(tensors_below("condition_scale", weights))
    return scale
