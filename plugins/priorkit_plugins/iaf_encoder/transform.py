"""One step of an inverse autoregressive flow."""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from priorkit_plugins.masked_network import MaskedNetwork

__all__ = ["AutoregressiveTransform"]

_OPEN = 2.0
"""Added to the gates' logits, so that a transform starts close to the identity (Kingma et al. 2016, Section 4)."""


class AutoregressiveTransform(nn.Module):
    """z' = sigma z + (1 - sigma) m, where dimension i of m and sigma depends on dimensions before i of z.

    The gated form of Kingma et al. 2016, Section 4. Its Jacobian is triangular, so the logarithm of its determinant is
    the sum of log sigma.

    Args:
        code_dim: Dimensions of a code.
        context_dim: Dimensions of h, the encoder's features that every transform receives.
        hidden: Width of the hidden layers.
        blocks: Residual blocks of two layers after the first hidden layer.
    """

    def __init__(self, code_dim: int, context_dim: int, *, hidden: int, blocks: int) -> None:
        super().__init__()
        self.network = MaskedNetwork(code_dim, context_dim, outputs=2, hidden=hidden, blocks=blocks)

    def forward(self, code: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Returns z' (N, code_dim) for z (N, code_dim) and h (N, context_dim), and log |det dz'/dz|, (N,)."""
        mean, gate = self.network(code, context).unbind(2)
        gate = gate + _OPEN
        share = torch.sigmoid(gate)
        return share * code + (1 - share) * mean, logsigmoid(gate).sum(1)
