"""Compares the results of two ways to compute the same thing."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from check import Asked, Failure
from priorkit.training import Session

__all__ = ["Losses", "Tolerance", "require_close", "require_close_losses", "require_same_run", "trained", "weights_of"]

Losses = list[dict[str, float]]
"""The value of each loss term in every step, by `phase/term`."""


class Tolerance(NamedTuple):
    """The largest difference allowed between numbers: a share of their size, plus an absolute number."""

    relative: float
    absolute: float

    def __str__(self) -> str:
        return f"at most {self.absolute:g} and {self.relative:g} of its size expected"


_SPREAD = 10.0
"""Largest allowed ratio between the difference of two ways to compute, and that of two identical runs."""


def trained(session: Session, until: int | None = None) -> Losses:
    """Trains a session until a step, or until its last one. Returns its losses in every step.

    Raises:
        Failure: A loss is infinite or not a number, or a step has no losses.
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
    if not any(losses):  # a step that fits a prior to all codes at once has no losses
        raise Failure(f"{end} steps have no losses")
    return losses


def weights_of(session: Session) -> dict[str, Tensor]:
    """Returns copies on the CPU of every tensor of the networks, their averages and statistics."""
    return {name: value.detach().to("cpu", copy=True) for name, value in session.weights().items()}


def _difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[float, str]:
    """Returns the largest absolute difference between two numbers, and the name of their tensor."""
    if one.keys() != other.keys():
        raise Failure(f"the two have different tensors: {sorted(one.keys() ^ other.keys())[:3]}")
    found = {
        name: (value.double() - other[name].double()).abs().max().item() for name, value in one.items() if value.numel()
    }
    name = max(found, key=lambda key: math.inf if math.isnan(found[key]) else found[key])
    return found[name], name


def require_same_run(
    asked: Asked, one: Mapping[str, Tensor], other: Mapping[str, Tensor], again: Callable[[], Mapping[str, Tensor]]
) -> str:
    """Makes sure that two results agree as well as two identical runs on the device do.

    Args:
        asked: The device.
        one: A result.
        other: The same result, computed in another way.
        again: Computes `one` once more; called only if the two differ.

    Returns:
        A description of the difference.

    Raises:
        Failure: They differ by more.
    """
    largest, name = _difference(one, other)
    if largest == 0:
        return "equal"
    spread, _ = _difference(one, again())
    if not largest <= _SPREAD * spread:
        raise Failure(
            f"{name} differs by {largest:.1e}, and by {spread:.1e} between two identical runs on {asked.device}"
        )
    return f"differs by at most {largest:.1e}, and by {spread:.1e} between two identical runs"


def require_close(one: Mapping[str, Tensor], other: Mapping[str, Tensor], tolerance: Tolerance) -> str:
    """Makes sure that tensors differ only by rounding.

    Returns:
        A description of the largest difference.

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
    """Makes sure that losses differ only by rounding, in every step that both have.

    Returns:
        A description of the largest relative difference.
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
