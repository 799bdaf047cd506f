"""Distributions on the unit sphere, by its surface measure, as `torch.distributions`."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl

from priorkit.interfaces import Space, Support
from priorkit_plugins.von_mises_fisher.heights import Heights, log_area

__all__ = ["SPHERE", "UniformSphere", "VonMisesFisher", "directions"]

SPHERE = Support(Space.SPHERE)

_ROUNDING = 0.02
"""Tolerance for a code's length: bfloat16 has two or three digits."""


def directions(vectors: Tensor) -> Tensor:
    """Vectors (..., D) divided by their lengths; the first axis where there is no length."""
    length = vectors.norm(dim=-1, keepdim=True)
    first = torch.zeros_like(vectors)
    first[..., 0] = 1.0
    zero = length < 1e-20
    return torch.where(zero, first, vectors / torch.where(zero, 1.0, length))


class UniformSphere(Distribution):
    """All codes of length 1 alike.

    Args:
        dim: Dimensions of a code, at least 2.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(self, dim: int) -> None:
        super().__init__(event_shape=torch.Size([dim]), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of codes (N, D), shape (N,); minus infinity outside the sphere."""
        flat = torch.full_like(value[:, 0], -log_area(self.event_shape[0]))
        return torch.where(SPHERE.contains(value, _ROUNDING), flat, -torch.inf)


class VonMisesFisher(Distribution):
    """The density proportional to exp(concentration * <mean direction, code>) on the unit sphere.

    Args:
        direction: Mean directions, of length 1, shape (N, D), D at least 2.
        concentration: kappa, at least 0, shape (N,).
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(self, direction: Tensor, concentration: Tensor) -> None:
        self.direction, self.concentration = direction, concentration
        self.heights = Heights(concentration, direction.shape[1])
        super().__init__(direction.shape[:1], direction.shape[1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean code, which lies within the sphere: shape (N, D)."""
        return self.direction * (1 + self.heights.mean_below())[:, None]

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of codes (N, D), each by its own distribution, shape (N,); minus infinity outside the sphere."""
        return torch.where(
            SPHERE.contains(value, _ROUNDING), self.at_height((value * self.direction).sum(-1) - 1), -torch.inf
        )

    def at_height(self, below: Tensor) -> Tensor:
        """Log-density of codes on the sphere whose components along the mean directions are 1 + `below`, (N,)."""
        return self.concentration * below - self.heights.log_normaliser()

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (N, D) by standard normal noise (N, D), and their log-densities (N,), both differentiable.

        The first number of noise determines a code's component along the mean direction, the others its direction
        around it. A reflection maps the first axis to the mean direction (Davidson et al. 2018, Algorithm 1), or to its
        opposite, with all codes negated: whichever of the two is further away, for numerical precision.
        """
        below, aside = self.heights.draw(noise[:, 0])
        along = torch.cat([(1 + below)[:, None], aside[:, None] * directions(noise[:, 1:])], dim=1)
        axis = torch.zeros_like(self.direction)
        axis[:, 0] = 1.0
        side = torch.where(self.direction[:, :1] < 0, -1.0, 1.0)
        mirror = axis + side * self.direction
        scale = 2 * (along * mirror).sum(1, keepdim=True) / mirror.square().sum(1, keepdim=True)
        return side * (scale * mirror - along), self.at_height(below)


@register_kl(VonMisesFisher, UniformSphere)  # type: ignore[no-untyped-call, untyped-decorator]
def _from_uniform(posterior: VonMisesFisher, prior: UniformSphere) -> Tensor:
    return posterior.at_height(posterior.heights.mean_below()) + log_area(prior.event_shape[0])


@register_kl(VonMisesFisher, VonMisesFisher)  # type: ignore[no-untyped-call, untyped-decorator]
def _from_another(posterior: VonMisesFisher, prior: VonMisesFisher) -> Tensor:
    own = posterior.at_height(posterior.heights.mean_below())
    return own - prior.at_height((posterior.mean * prior.direction).sum(-1) - 1)
