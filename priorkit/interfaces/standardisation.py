"""Standardisation of codes: a prior may learn codes of mean 0 and deviation 1, and undo the scaling."""

from typing import Any

import torch
from torch import Tensor, nn

from priorkit.interfaces.code_space import CodeKind, CodeSpace

__all__ = ["Standardisation"]

_CONSTANT = 1e-6
"""Dimensions whose deviation is below this fraction of the largest count as constant; they are not scaled."""


class Standardisation(nn.Module):
    """Scales codes to mean 0 and deviation 1, and back; the identity until `set` is called.

    Vectors are scaled dimension by dimension, maps channel by channel, with one scale for all positions. Constant
    dimensions are only shifted. Latent diffusion scales its codes in this way (Rombach et al. 2022, arXiv:2112.10752).

    The module has buffers and no parameters, and is saved with its prior. Saved weights without these buffers load as
    the identity.

    Args:
        codes: The space of the codes: vectors or maps. Indices have no scale. The constructor accepts them nonetheless,
            so that a prior that does not support indices is refused by its `kinds`.

    Examples:
        >>> import torch
        >>> from priorkit.interfaces import CodeSpace, Standardisation
        >>> standardisation = Standardisation(CodeSpace((2,)))
        >>> standardisation.set(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0]))
        >>> standardisation(torch.tensor([[5.0, 0.5]]))
        tensor([[2.0000, 0.5000]])
        >>> standardisation.inverse(torch.tensor([[2.0, 0.5]]))
        tensor([[5.0000, 0.5000]])
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, codes: CodeSpace) -> None:
        super().__init__()
        self.codes = codes
        self.register_buffer("mean", torch.zeros(codes.dim))
        self.register_buffer("deviation", torch.ones(codes.dim))

    def forward(self, code: Tensor) -> Tensor:
        """Standardises codes (N, code_dim)."""
        return (code - self.mean) / self.deviation

    def inverse(self, code: Tensor) -> Tensor:
        """Undoes the standardisation of codes (N, code_dim)."""
        return self.mean + self.deviation * code

    def log_volume(self) -> Tensor:
        """The log-density of standardised codes minus the log-density of the codes, in nats: a scalar."""
        return self.deviation.log().sum()

    @torch.no_grad()
    def set(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the codes' scale, in place.

        Args:
            mean: Mean of each dimension of the codes, (code_dim,).
            deviation: Standard deviation of each, (code_dim,), at least 0.
        """
        assert self.codes.kind is not CodeKind.INDICES, "indices have no scale"
        if self.codes.kind is CodeKind.MAP:
            means, deviations = (values.view(self.codes.shape[0], -1) for values in (mean, deviation))
            centre = means.mean(1, keepdim=True)
            variance = (deviations.square() + (means - centre).square()).mean(1, keepdim=True)
            mean, deviation = centre.expand_as(means).flatten(), variance.sqrt().expand_as(means).flatten()
        constant = deviation <= _CONSTANT * deviation.max()
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(constant, 1.0, deviation))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        state_dict.setdefault(f"{prefix}mean", torch.zeros_like(self.mean))
        state_dict.setdefault(f"{prefix}deviation", torch.ones_like(self.deviation))
        super()._load_from_state_dict(state_dict, prefix, *args)
