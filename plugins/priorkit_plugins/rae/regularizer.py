"""The regularizers of regularised autoencoders (Ghosh et al. 2020)."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import Posterior, Prior
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.single_precision import single_precision
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["GradientRAERegularizer", "L2RAERegularizer", "RAERegularizer"]

_STEP = 1e-2
"""Step in code space for finite differences: small relative to codes, large relative to float32 rounding of images."""


class RAERegularizer(ScheduledRegularizer):
    """weight ||code||^2 / 2, a mean over the batch: what remains of the divergence if posteriors have no variance.

    Args:
        weight: beta.
        schedule: The factor of the weight.
    """

    needs_prior_code = False
    trains_prior = False

    def __init__(self, weight: float = 0.1, schedule: WeightSchedule | None = None) -> None:
        super().__init__(schedule)
        self.weight = weight

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`: the weighted size of the codes."""
        weight = self.scheduled(self.weight)
        self.count_update()
        return {"regularization": weight * 0.5 * posterior.code.float().square().sum(1).mean()}


class L2RAERegularizer(RAERegularizer):
    """`RAERegularizer`, and the squared norm of the decoder's parameters (RAE-L2).

    Args:
        weight: beta.
        decoder_weight: lambda.
        schedule: The factor of beta.
    """

    def __init__(
        self, weight: float = 0.1, decoder_weight: float = 1e-3, schedule: WeightSchedule | None = None
    ) -> None:
        super().__init__(weight, schedule)
        self.decoder_weight = decoder_weight

    def decoder_terms(self, decoder: nn.Module, posterior: Posterior, noise: Tensor | None = None) -> dict[str, Tensor]:
        """`decoder_l2`: the weighted squared norm of all parameters together."""
        squares = torch.stack([weight.float().square().sum() for weight in decoder.parameters()])
        return {"decoder_l2": self.decoder_weight * squares.sum()}


class GradientRAERegularizer(RAERegularizer):
    """`RAERegularizer`, and the squared Frobenius norm of the decoder's Jacobian at the codes (RAE-GP).

    ||J||_F^2 is the mean of ||J u||^2 over directions u with independent entries of mean 0 and variance 1. For one
    random u, J u is approximated by a finite difference along u: this needs two more passes of the decoder, while
    double backward takes several times as long.

    Args:
        weight: beta.
        decoder_weight: lambda.
        code_dim: Dimensions of a code.
        schedule: The factor of beta.
    """

    def __init__(
        self, weight: float, decoder_weight: float, code_dim: int, schedule: WeightSchedule | None = None
    ) -> None:
        super().__init__(weight, schedule)
        self.decoder_weight = decoder_weight
        self.code_dim = code_dim

    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws u, standard normal, shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def decoder_terms(self, decoder: nn.Module, posterior: Posterior, noise: Tensor | None = None) -> dict[str, Tensor]:
        """`decoder_gradient`: the weighted estimate of the squared norm, computed in float32."""
        assert noise is not None, "directions are drawn for each batch"
        code = posterior.code.detach().float()
        with single_precision(code.device):
            difference = (decoder(code + _STEP * noise) - decoder(code)) / _STEP
            return {"decoder_gradient": self.decoder_weight * difference.square().flatten(1).sum(1).mean()}
