"""The regularizers of regularised autoencoders (Ghosh et al. 2020)."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import ImageShape, Posterior, Prior
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.single_precision import single_precision
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["GradientRAERegularizer", "L2RAERegularizer", "RAERegularizer"]


class RAERegularizer(ScheduledRegularizer):
    """weight ||code||^2 / 2, a mean over the batch: what is left of the divergence where codes have no variance.

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
    """The same, and the squared norm of the decoder's parameters (RAE-L2).

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
    """The same, and the squared Frobenius norm of the decoder's Jacobian at the codes (RAE-GP).

    ||J||_F^2 is the mean of ||J^T v||^2 over v with independent entries of mean 0 and variance 1 (Hutchinson): one pass
    backward for each batch. Batch norm makes images of a batch depend on each other's codes; all that enters here is
    how the sum over the batch depends on each code.

    Args:
        weight: beta.
        decoder_weight: lambda.
        shape: The images' shape.
        schedule: The factor of beta.
    """

    def __init__(
        self, weight: float, decoder_weight: float, shape: ImageShape, schedule: WeightSchedule | None = None
    ) -> None:
        super().__init__(weight, schedule)
        self.decoder_weight = decoder_weight
        self.shape = shape

    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Draws v, standard normal, of the shape of images."""
        size = (self.shape.channels, self.shape.size, self.shape.size)
        return torch.randn(n, *size, generator=generator, device=device)

    def decoder_terms(self, decoder: nn.Module, posterior: Posterior, noise: Tensor | None = None) -> dict[str, Tensor]:
        """`decoder_gradient`: the weighted estimate of the squared norm, computed in float32."""
        assert noise is not None, "directions are drawn for each batch"
        code = posterior.code.detach().float().requires_grad_()
        with torch.enable_grad(), single_precision(code.device):
            (gradient,) = torch.autograd.grad((decoder(code) * noise).sum(), code, create_graph=True)
            return {"decoder_gradient": self.decoder_weight * gradient.square().sum(1).mean()}
