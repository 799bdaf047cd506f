"""An encoder of two levels of codes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from priorkit.interfaces import Encoder, Posterior
from priorkit_plugins.conditional_normal import ConditionalNormal, normal_log_prob
from priorkit_plugins.gaussian_encoder.encoder import GaussianEncoder

__all__ = ["HierarchicalEncoder"]


class HierarchicalEncoder(Encoder):
    """q(z1, z2 | x) = q(z2|x) q(z1|x, z2), both normal; a code is [z1, z2] (Tomczak and Welling 2018, Section 4).

    The joint posterior is not normal, as the mean of z1 depends on z2; it has a `log_prob`. Without noise, z2 is its
    mean, and z1 the mean given this z2; both together serve as the posterior's mean.

    Args:
        top: q(z2|x).
        body: From images (N, C, H, W) to features (N, hidden) for z1.
        code_dim: Dimensions of z1 and z2 together.
        hidden: Width of the features, and of the layer that joins them with z2.
    """

    stochastic = True

    def __init__(self, top: GaussianEncoder, body: nn.Module, code_dim: int, *, hidden: int) -> None:
        super().__init__()
        self.top = top
        self.body = body
        self.bottom = ConditionalNormal(hidden + top.code_dim, code_dim - top.code_dim, hidden=hidden, layers=1)
        self.code_dim = code_dim

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given."""
        bottom_dim = self.code_dim - self.top.code_dim
        above: Posterior = self.top(image, None if noise is None else noise[:, bottom_dim:])
        assert above.log_variance is not None, "z2 is normal"
        features = functional.relu(self.body(image)).to(above.mean)
        bottom_mean, log_variance = self.bottom(torch.cat([features, above.code], 1))
        bottom = bottom_mean
        mean = torch.cat([bottom_mean, above.code], 1)
        if noise is not None:
            bottom = bottom_mean + torch.exp(0.5 * log_variance) * noise[:, :bottom_dim]
            mean = torch.cat([self.bottom(torch.cat([features, above.mean], 1))[0], above.mean], 1)
        density = normal_log_prob(above.code, above.mean, above.log_variance)
        density = density + normal_log_prob(bottom, bottom_mean, log_variance)
        return Posterior(torch.cat([bottom, above.code], 1), mean, log_prob=density)
