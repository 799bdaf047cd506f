"""The CPU's global random generator, seeded for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["seeded"]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside this context, the CPU's global generator starts from a seed; afterwards, its state is the previous one.

    Generators of other devices stay as they are. (`torch.manual_seed` would change theirs, too, and takes a
    millisecond: it formats the call stack for devices that are not in use yet.)

    Args:
        seed: At least 0 and below 2**63.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
