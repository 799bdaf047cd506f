"""Checks that outputs are deterministic."""

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from priorkit.testing.check import Check, require
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.global_generator import seeded
from priorkit.testing.subject import AnySubject

__all__ = ["RANDOMNESS", "global_state_kept"]


@contextmanager
def global_state_kept(what: str) -> Iterator[None]:
    """Requires that nothing is drawn from the global generators of torch, numpy or Python, and restores them.

    Raises:
        Defect: The code within drew from one of them.
    """
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
        now = torch.get_rng_state(), np.random.get_state(), random.getstate()
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])
    moved = [
        owner
        for owner, same in (
            ("torch", torch.equal(states[0], now[0])),
            ("numpy", all(np.array_equal(old, new) for old, new in zip(states[1], now[1], strict=True))),
            ("Python's random", states[2] == now[2]),
        )
        if not same
    ]
    require(not moved, f"{what} draws from the global generator of {' and '.join(moved)}")


def repeatable(subject: AnySubject) -> None:
    """The same inputs give the same outputs, whatever the state of the global generators, which are not used."""
    component = subject.component()
    inputs = subject.inputs(component, 6, subject.case.seed)
    _check_repeatable(subject.passes(component), subject.passes(component), inputs, "evaluation")
    if isinstance(component, nn.Module) and not subject.may_drop_out:
        # Calls in training mode update statistics, so each call needs an instance of its own.
        component.train()
        _check_repeatable(subject.passes(copy.deepcopy(component)), subject.passes(component), inputs, "training")


def _check_repeatable(passes: Sequence[ForwardPass], again: Sequence[ForwardPass], inputs: Inputs, mode: str) -> None:
    for pair in zip(passes, again, strict=True):
        found = []
        for seed, one in enumerate(pair):
            with seeded(seed), global_state_kept(f"in {mode} mode {one.name}"):
                found.append(one.without_gradients(inputs))
        for name, output in found[0].items():
            same = torch.equal(output, found[1][name])
            require(same, f"in {mode} mode {name} differs between two calls with the same inputs")


RANDOMNESS = (
    Check(
        "repeatable",
        repeatable,
        "noise is drawn inside the call, or something is kept between calls",
        "take all randomness from the arguments: otherwise runs cannot be repeated",
    ),
)
