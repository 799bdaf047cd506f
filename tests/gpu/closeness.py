"""How far results of two ways to compute are from each other."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from check import Asked, Failure
from priorkit.training import Session

__all__ = ["Losses", "Tolerance", "require_close", "require_close_losses", "require_same_run", "trained", "weights_of"]

Losses = list[dict[str, float]]
"""Each term's value in every step, by `phase/term`."""


class Tolerance(NamedTuple):
    """How far numbers may be from what they should be: a part of their size, and a number more."""

    relative: float
    absolute: float

    def __str__(self) -> str:
        return f"at most {self.absolute:g} and {self.relative:g} of its size expected"


_SPREAD = 10.0
"""How many times as far as two runs alike a third way to the same result may be from one of them."""


def trained(session: Session, until: int | None = None) -> Losses:
    """Trains a session until a step, or until its last one; its losses in every step.

    Raises:
        Failure: A loss is infinite or not a number, or there is none.
    """
    end = session.total_steps() if until is None else until
    assert end is not None, "tiny runs have a last step"
    losses = []
    while session.steps < end:
        session.step()
        found = session.engine.losses(reset=True)
        if not all(math.isfinite(value) for value in found.values()):
            raise Failure(f"step {session.steps} has the losses {found}")
        losses.append(found)
    if not any(losses):  # a step that fits a prior to all codes at once has none
        raise Failure(f"{end} steps have no losses")
    return losses


def weights_of(session: Session) -> dict[str, Tensor]:
    """Copies of every tensor of the networks, their averages and statistics, on the CPU."""
    return {name: value.detach().to("cpu", copy=True) for name, value in session.weights().items()}


def _difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[float, str]:
    """The largest absolute difference of two numbers, and the tensor that they are in."""
    if one.keys() != other.keys():
        raise Failure(f"there are different tensors: {sorted(one.keys() ^ other.keys())[:3]}")
    found = {
        name: (value.double() - other[name].double()).abs().max().item() for name, value in one.items() if value.numel()
    }
    name = max(found, key=lambda key: math.inf if math.isnan(found[key]) else found[key])
    return found[name], name


def require_same_run(
    asked: Asked, one: Mapping[str, Tensor], other: Mapping[str, Tensor], again: Callable[[], Mapping[str, Tensor]]
) -> str:
    """Makes sure that two results are as equal as the device computes the same thing twice.

    Args:
        asked: The device.
        one: A result.
        other: The same, come to in another way.
        again: Computes `one` once more; called only if the two differ.

    Returns:
        How equal they are.

    Raises:
        Failure: They differ by more.
    """
    largest, name = _difference(one, other)
    if largest == 0:
        return "equal"
    spread, _ = _difference(one, again())
    if not largest <= _SPREAD * spread:
        raise Failure(f"{name} differs by {largest:.1e}, and by {spread:.1e} between two runs alike on {asked.device}")
    return f"differs by at most {largest:.1e}, and by {spread:.1e} between two runs alike"


def require_close(one: Mapping[str, Tensor], other: Mapping[str, Tensor], tolerance: Tolerance) -> str:
    """Makes sure that tensors differ by rounding alone.

    Returns:
        By how much they differ.

    Raises:
        Failure: They differ by more than the tolerance.
    """
    largest, _ = _difference(one, other)
    for name, value in one.items():
        expected = other[name].double()
        if not torch.allclose(value.double(), expected, rtol=tolerance.relative, atol=tolerance.absolute):
            off = (value.double() - expected).abs().max().item()
            raise Failure(f"{name} differs by {off:.1e}; {tolerance}")
    return "equal" if largest == 0 else f"differs by at most {largest:.1e}"


def require_close_losses(one: Losses, other: Losses, tolerance: Tolerance) -> str:
    """The same of losses, in every step that both have.

    Returns:
        By what part of their size they differ.
    """
    largest = 0.0
    for step, (mine, theirs) in enumerate(zip(one, other, strict=True), 1):
        if mine.keys() != theirs.keys():
            raise Failure(f"step {step} has different losses: {sorted(mine)} and {sorted(theirs)}")
        for term, value in mine.items():
            gap, size = abs(value - theirs[term]), max(abs(value), abs(theirs[term]))
            if not gap <= tolerance.absolute + tolerance.relative * size:
                raise Failure(f"{term} is {value:.6g} and {theirs[term]:.6g} in step {step}; {tolerance}")
            largest = max(largest, gap / size if size else 0.0)
    return "equal losses" if largest == 0 else f"losses differ by at most {largest:.1e} of their size"
