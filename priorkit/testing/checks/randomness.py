"""What may be random, and what not."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from priorkit.testing.check import Check, require
from priorkit.testing.subject import AnySubject

__all__ = ["RANDOMNESS", "global_state_kept"]


@contextmanager
def global_state_kept(what: str) -> Iterator[None]:
    """Checks that nothing was drawn from torch's, numpy's or Python's global generator, which is put back anyhow.

    Raises:
        Defect: Something was.
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
    """The same inputs give the same outputs, whatever the global generators do, which stay as they are."""
    component = subject.component()
    inputs = subject.inputs(component, 6, subject.case.seed)
    for one in subject.passes(component):
        seeded = []
        for seed in (1, 2):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                with global_state_kept(one.name):
                    seeded.append(one.without_gradients(inputs))
        for name, output in seeded[0].items():
            require(torch.equal(output, seeded[1][name]), f"{name} differs between two calls with the same inputs")


RANDOMNESS = (
    Check(
        "repeatable",
        repeatable,
        "noise is drawn where it is used, or something is kept from call to call",
        "take all randomness from the arguments: what is drawn elsewhere makes runs that cannot be repeated",
    ),
)
