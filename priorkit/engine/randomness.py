"""Data order and noise as functions of the seed and of how many images have been seen."""

import hashlib

import torch
from torch import Tensor

__all__ = ["DataOrder", "seed_for", "seed_global_generators"]


def seed_for(seed: int, purpose: str, position: int = 0) -> int:
    """A 63-bit seed that depends on all three arguments and shows no pattern in any of them.

    Args:
        seed: The run's seed.
        purpose: What the randomness is for.
        position: How many images have been seen, or another count.
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{position}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def seed_global_generators(seed: int, device: torch.device) -> None:
    """Seeds torch's global generators of the CPU and of a device, which modules such as dropout draw from.

    `torch.manual_seed` seeds those of every kind of device there may be, and takes a noticeable part of a small step.

    Args:
        seed: Not negative, below 2**63.
        device: Where the modules compute.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


class DataOrder:
    """An endless sequence of image indices: one random permutation of the data set after another.

    Batches are consecutive pieces of it, so every image is seen once in each pass, whatever the batch size, and where a
    run stands in its data is told by the number of images seen alone.

    Args:
        length: Images in the data set, at least 1.
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
            # A batch spans two passes at most, unless it is larger than the data set: older ones are not needed again.
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
