"""Data order and noise as functions of the seed and the number of images seen."""

import hashlib

import torch
from torch import Tensor

__all__ = ["DataOrder", "seed_for", "seed_global_generators"]


def seed_for(seed: int, purpose: str, position: int = 0) -> int:
    """A 63-bit seed, a hash of all three arguments.

    Args:
        seed: The run's seed.
        purpose: The purpose of the random numbers.
        position: Number of images seen, or another count.
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{position}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def seed_global_generators(seed: int, device: torch.device) -> None:
    """Seeds torch's global generators of the CPU and of a device; modules such as dropout draw from them.

    (`torch.manual_seed` seeds all kinds of devices, and would take a noticeable part of a small step.)

    Args:
        seed: At least 0 and below 2**63.
        device: The modules' device.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


class DataOrder:
    """An endless sequence of image indices: one random permutation of the data set after another.

    Batches are consecutive pieces of this sequence, so every image is seen once in each pass, whatever the batch size,
    and the number of images seen determines a run's position.

    Args:
        length: Number of images in the data set, at least 1.
        seed: The run's seed.
    """

    def __init__(self, length: int, seed: int) -> None:
        assert length > 0, "an empty data set has no order"
        self.length = length
        self.seed = seed
        self._permutations: dict[int, Tensor] = {}

    def _permutation(self, epoch: int) -> Tensor:
        if epoch not in self._permutations:
            generator = torch.Generator().manual_seed(seed_for(self.seed, "order", epoch))
            # A batch spans two passes at most, unless it is larger than the data set: older passes are not needed
            # again.
            self._permutations = {key: kept for key, kept in self._permutations.items() if key == epoch - 1}
            self._permutations[epoch] = torch.randperm(self.length, generator=generator)
        return self._permutations[epoch]

    def batch(self, position: int, size: int) -> Tensor:
        """The indices of `size` images after `position` images have been seen: int64, shape (size,), on the CPU."""
        pieces: list[Tensor] = []
        while size > 0:
            epoch, start = divmod(position, self.length)
            piece = self._permutation(epoch)[start : start + size]
            pieces.append(piece)
            position += len(piece)
            size -= len(piece)
        return torch.cat(pieces)
