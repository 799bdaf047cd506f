"""Restores optimiser states that were read from files."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

__all__ = ["restore_optimizer"]


def restore_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Restores an optimiser's `state_dict`, perhaps on another device.

    Args:
        optimizer: The optimiser, made for the same weights.
        state: The saved `state_dict`.

    Raises:
        ValueError, KeyError, RuntimeError, TypeError: The state does not fit this optimiser, which could not make a
            step with it.
    """
    optimizer.load_state_dict(_with_own_switches(optimizer, state))
    if type(optimizer) in (Adam, AdamW, RMSprop, SGD):
        _require_own(optimizer)


def _with_own_switches(optimizer: Optimizer, state: Mapping[str, Any]) -> dict[str, Any]:
    """A state with this optimiser's own implementation flags (such as `fused`), some of which depend on the device.

    A learning rate that is a tensor also belongs to the device; sessions with such rates set them before each step.
    """
    groups = []
    for group, own in zip(state["param_groups"], optimizer.param_groups, strict=True):
        switches = {key: own[key] for key in own if key in group and (own[key] is None or isinstance(own[key], bool))}
        numbers = {key: value for key, value in own.items() if isinstance(value, int | float | tuple)}
        for key in numbers.keys() - switches.keys() - {"lr"}:
            if not _alike(group[key], own[key]):
                raise ValueError(f"an optimiser's {key} is {group[key]!r}")
        in_memory = isinstance(own["lr"], Tensor) or isinstance(group["lr"], Tensor)
        groups.append({**group, **switches, "lr": own["lr"] if in_memory else float(group["lr"])})
    return {**state, "param_groups": groups}


def _alike(given: Any, own: Any) -> bool:
    if isinstance(own, tuple):
        return isinstance(given, tuple) and len(given) == len(own) and all(map(_alike, given, own))
    return isinstance(given, int | float) and not isinstance(given, bool)


def _require_own(optimizer: Optimizer) -> None:
    """Checks that the state of each weight has the entries that this optimiser keeps, in the weight's shape."""
    taken = inspect.signature(type(optimizer)).parameters
    options = {**optimizer.defaults, "fused": None, "lr": 0.1, "capturable": False}
    known = {key: value for key, value in options.items() if key in taken}
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.zeros(3)
    tried = type(optimizer)([weight], **known)
    tried.step()
    expected = tried.state[weight]
    for trained, kept in optimizer.state.items():
        if kept.keys() != expected.keys():
            raise ValueError(f"an optimiser keeps {', '.join(map(str, kept))}, and not {', '.join(expected)}")
        for key, value in kept.items():
            shape = trained.shape if expected[key] is not None and expected[key].ndim else ()
            if expected[key] is not None and (not isinstance(value, Tensor) or value.shape != shape):
                raise ValueError(f"an optimiser's {key} and its weight differ in shape")
