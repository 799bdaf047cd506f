"""A multivariate Student-t distribution over codes."""

import math

import torch
from priorkit.interfaces import Learning, Prior
from torch import Tensor, nn

__all__ = ["StudentTPrior"]

_LEAST = 1e-6
"""Smallest value of a chi-squared number per degree of freedom, so that codes stay finite."""


class StudentTPrior(Prior):
    """p(code) = t(code; degrees, mean, diag(scale^2)) (Kotz and Nadarajah 2004, Chapter 1).

    A draw is mean + scale z sqrt(degrees / w), where z is standard normal and w, shared by all dimensions, is the sum
    of `degrees` squared standard normal numbers. A draw is thus a function of Gaussian noise alone.

    Args:
        code_dim: Dimensions of a code, D.
        degrees: Degrees of freedom, a whole number of at least 1.
        scale: Scale of every dimension, above 0; the initial value if it is learned.
        learned: Whether mean and scale of each dimension are learned by likelihood; otherwise the mean is 0.
    """

    mean: Tensor
    log_scale: Tensor
    has_density = True

    def __init__(self, code_dim: int, degrees: int = 5, scale: float = 1.0, *, learned: bool = False) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.degrees = degrees
        self.learning = Learning.LIKELIHOOD if learned else Learning.FIXED
        start = {"mean": torch.zeros(code_dim), "log_scale": torch.full((code_dim,), math.log(scale))}
        for name, value in start.items():
            if learned:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)
        # The part of the log-density that depends on neither code nor scale, in nats and double precision.
        half = degrees / 2
        self._constant = (
            math.lgamma(half + code_dim / 2) - math.lgamma(half) - code_dim / 2 * math.log(degrees * math.pi)
        )

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal noise, shape (n, code_dim + degrees): z, then the numbers whose squares add up to w."""
        return torch.randn(n, self.code_dim + self.degrees, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise (N, code_dim + degrees) into codes (N, code_dim)."""
        noise = noise.float()
        # w / degrees, with mean 1.
        stretch = noise[:, self.code_dim :].square().mean(1, keepdim=True).clamp(min=_LEAST)
        return self.mean + torch.exp(self.log_scale) * noise[:, : self.code_dim] * torch.rsqrt(stretch)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,), at least float32 in any precision of codes."""
        code = code.to(torch.promote_types(code.dtype, torch.float32))
        distance = ((code - self.mean) * torch.exp(-self.log_scale)).square().sum(1)
        tail = (self.degrees + self.code_dim) / 2 * torch.log1p(distance / self.degrees)
        return self._constant - self.log_scale.sum() - tail
