"""A linear Gaussian model, whose log p(x) is known in closed form, with a posterior that is not the true one."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from priorkit.interfaces import CodeSpace, Encoder, ImageShape, Posterior, Prior, System
from priorkit_plugins.gaussian.prior import GaussianPrior
from priorkit_plugins.no_regularizer.regularizer import NoRegularizer
from priorkit_plugins.non_saturating.loss import NonSaturatingLoss
from priorkit_plugins.pixel.loss import PixelLoss

__all__ = ["LinearEncoder", "linear_system", "log_marginal"]

SHAPE = ImageShape(1, 2)
VARIANCE = 0.5
"""Of each pixel: that of the squared distance with weight 1."""


class LinearEncoder(Encoder):
    """q(z|x) = N(Ax, diag(v)); as `log_variance`, or as `log_prob`."""

    stochastic = True

    def __init__(self, code_dim: int, *, normal: bool = True) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.mean = nn.Linear(4, code_dim)
        self.log_variance = nn.Parameter(torch.full((code_dim,), -1.0))
        self.normal = normal

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        mean = self.mean(image.flatten(1))
        log_variance = self.log_variance.expand_as(mean)
        code = mean if noise is None else mean + torch.exp(0.5 * log_variance) * noise
        if self.normal:
            return Posterior(code, mean, log_variance)
        normal = torch.distributions.Normal(mean, torch.exp(0.5 * log_variance))
        return Posterior(code, mean, log_prob=normal.log_prob(code).sum(1))  # type: ignore[no-untyped-call]


def linear_system(code_dim: int = 2, *, normal: bool = True, prior: Prior | None = None, **changes: Any) -> System:
    """p(z) = N(0, I), p(x|z) = N(Wz + b, I / 2)."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        encoder = LinearEncoder(code_dim, normal=normal)
        decoder = nn.Sequential(nn.Linear(code_dim, 4), nn.Unflatten(1, (1, 2, 2)))
    parts: dict[str, Any] = {
        "shape": SHAPE,
        "codes": CodeSpace((code_dim,)),
        "encoder": encoder,
        "decoder": decoder,
        "prior": GaussianPrior(code_dim) if prior is None else prior,
        "regularizer": NoRegularizer(),
        "loss": PixelLoss("squared", "sum"),
        "adversarial_loss": NonSaturatingLoss(),
        "image_critic": None,
    }
    return System(**{**parts, **changes})


def log_marginal(system: System, images: Tensor) -> Tensor:
    """Log p(x) in nats, float64 (N,), of images (N, 1, 2, 2)."""
    linear = system.decoder[0]  # type: ignore[index]
    weight, bias = linear.weight.detach().double(), linear.bias.detach().double()
    covariance = weight @ weight.T + VARIANCE * torch.eye(4, dtype=torch.float64)
    return MultivariateNormal(bias, covariance).log_prob(images.flatten(1).double())  # type: ignore[no-untyped-call]
