"""Standardised codes: a prior may learn on codes of mean 0 and deviation 1, and give codes as they were."""

from typing import Any

import torch
from torch import Tensor, nn

from priorkit.interfaces.code_space import CodeKind, CodeSpace

__all__ = ["Standardisation"]

_CONSTANT = 1e-6
"""Deviations below this part of the largest belong to dimensions that do not vary; their scale is left alone."""


class Standardisation(nn.Module):
    """Takes codes to mean 0 and deviation 1, and back; as built, it leaves them as they are.

    Vectors are scaled dimension by dimension, maps channel by channel: all places of a map are alike. Dimensions that
    do not vary are shifted only. Latent diffusion learns on codes scaled so (Rombach et al. 2022, arXiv:2112.10752).

    It has buffers and no parameters, and is saved with the prior that holds it. Weights that were saved without its
    buffers load as those of a standardisation that leaves codes as they are.

    Args:
        codes: The space of the codes: vectors or maps. Indices have no scale; one can be built, so that a prior that
            is not for them is refused by what it says of itself.

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
        """Standardised codes of codes (N, code_dim)."""
        return (code - self.mean) / self.deviation

    def inverse(self, code: Tensor) -> Tensor:
        """Codes of standardised codes (N, code_dim)."""
        return self.mean + self.deviation * code

    def log_volume(self) -> Tensor:
        """What a log-density of standardised codes exceeds that of the codes by, in nats: a scalar."""
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
