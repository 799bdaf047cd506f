"""The laws of a dimension of location 0 and scale 1, as functions of a standard normal number."""

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Laplace
from torch.nn import functional

__all__ = ["LaplaceLaw", "Law", "LogisticLaw"]


class Law(Protocol):
    """A continuous distribution of one number, symmetric around 0."""

    def draw(self, noise: Tensor) -> Tensor:
        """The quantile at the level of standard normal noise, of any shape, elementwise."""

    def log_prob(self, standard: Tensor) -> Tensor:
        """The log-density in nats, elementwise."""

    def distribution(self, location: Tensor, scale: Tensor) -> Distribution | None:
        """Independent dimensions of this law, the last axis being a code's; None if torch has no such distribution."""


class LaplaceLaw:
    """The density exp(-|t|) / 2.

    >>> import torch
    >>> from torch.special import ndtr
    >>> normal = torch.tensor([-2.0, 0.5])
    >>> torch.allclose(torch.distributions.Laplace(0, 1).cdf(LaplaceLaw().draw(normal)), ndtr(normal))
    True
    """

    def draw(self, noise: Tensor) -> Tensor:
        """Quantiles, from the logarithm of the nearer tail, which is precise for extreme noise, too."""
        size = -(torch.special.log_ndtr(-noise.abs()) + math.log(2))
        return torch.where(noise < 0, -size, size)

    def log_prob(self, standard: Tensor) -> Tensor:
        """The log-density in nats, elementwise."""
        return -standard.abs() - math.log(2)

    def distribution(self, location: Tensor, scale: Tensor) -> Distribution | None:
        """Independent Laplace dimensions."""
        return Independent(Laplace(location, scale, validate_args=False), 1, validate_args=False)


class LogisticLaw:
    """The density of the logistic function's slope, e^-t / (1 + e^-t)^2."""

    def draw(self, noise: Tensor) -> Tensor:
        """Quantiles: the log-odds of the noise's level in the normal distribution."""
        odds: Tensor = torch.special.log_ndtr(noise) - torch.special.log_ndtr(-noise)
        return odds

    def log_prob(self, standard: Tensor) -> Tensor:
        """The log-density in nats, elementwise."""
        return -functional.softplus(standard) - functional.softplus(-standard)

    def distribution(self, location: Tensor, scale: Tensor) -> Distribution | None:
        """None: torch has no logistic distribution."""
        return None
