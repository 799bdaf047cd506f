"""Codes and priors with a fault planted in them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

Planted = Callable[..., tuple[Tensor, Tensor, Tensor]]


def clusters(n: int, generator: torch.Generator, weights: Tensor) -> Tensor:
    """Five narrow clusters in four dimensions."""
    centres = 2 * torch.randn(5, 4, generator=torch.Generator().manual_seed(7))
    picked = torch.multinomial(weights, n, replacement=True, generator=generator)
    return centres[picked] + 0.3 * torch.randn(n, 4, generator=generator)


@pytest.fixture(scope="session")
def planted() -> Planted:
    """Makes the prior's, held-out and training codes of a fault, all float32 (n, 4)."""

    def make(fault: str, n: int = 600, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        normal, even = lambda: torch.randn(n, 4, generator=generator), torch.ones(5)
        if fault in ("missing codes", "holes", "clusters"):
            held_out, training = (clusters(n, generator, even) for _ in range(2))
            if fault == "holes":
                # The normal distribution with the codes' own mean and covariance.
                root = torch.linalg.cholesky(torch.cov(training.T))
                return normal() @ root.T + training.mean(0), held_out, training
            kept = even if fault == "clusters" else torch.tensor([1.0, 1, 1, 1, 0])
            return clusters(n, generator, kept), held_out, training
        prior, held_out, training = normal(), normal(), normal()
        mixing = torch.tensor([[1.0, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        return {
            "no fault found": (prior, held_out, training),
            "shift": (prior + torch.tensor([1.0, 0.5, 0, -1]), held_out, training),
            "wide": (1.7 * prior, held_out, training),
            "narrow": (0.6 * prior, held_out, training),
            "correlation": (prior @ mixing.T, held_out, training),
            "copies": (training + 0.01 * prior, held_out, training),
        }[fault]

    return make
