"""Lookup-free quantisation."""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from priorkit.interfaces import CodeSpace, Encoder, Posterior
from priorkit_plugins.quantised_maps import as_maps, as_vectors, require_maps, straight_through
from priorkit_plugins.single_precision import single_precision

__all__ = ["LookupFreeEncoder"]

_MOST_CHANNELS = 16
_JOINT = 8
"""Channels whose combinations are counted together; for more channels, entropies of groups of this size are added."""


class LookupFreeEncoder(Encoder):
    """Each number of a map becomes its sign, -1 or 1, and the signs at one place are the bits of an index.

    The codebook is fixed, {-1, 1}^C (Yu et al. 2023, arXiv:2310.05737, Section 3.1). Signs have a straight-through
    gradient.

    The term `entropy` is E[H(q(c | v))] - variety * H(E[q(c | v)]), in nats, over the vectors v of a batch (Eq. 5
    there), where q(c | v) is proportional to exp(-|v - c|^2 / (C temperature)): the first part draws each vector to one
    entry, the second makes entries equally frequent. Channels are independent in q(c | v), so the first part is a sum
    over them. The second part is exact for up to 8 channels; for more channels, it is the sum over groups of 8, an
    upper bound.

    Args:
        body: From images (N, C, H, W) to flattened maps (N, channels * height * width).
        maps: The maps' space.
        entropy: Weight of the entropy term.
        variety: Factor of its second part.
        temperature: Temperature of q, above 0.
        commitment: Weight of the mean squared distance of the numbers from their signs.

    Raises:
        ValueError: Codes are not maps, or have too many channels.
    """

    def __init__(
        self,
        body: nn.Module,
        maps: CodeSpace,
        *,
        entropy: float = 0.1,
        variety: float = 1.0,
        temperature: float = 0.1,
        commitment: float = 0.25,
    ) -> None:
        super().__init__()
        self.channels, height, width = require_maps(maps)
        if self.channels > _MOST_CHANNELS:
            raise ValueError(
                f"every channel is a bit of an index, and --code-dim is {self.channels}: {2**self.channels} entries; "
                f"use --code-dim 10, or any up to {_MOST_CHANNELS}"
            )
        self.body = body
        self.code_dim = maps.dim
        self.codes = CodeSpace((height, width), 2**self.channels)
        self.entropy = entropy
        self.variety = variety
        self.temperature = temperature
        self.commitment = commitment
        # The frequencies of entries are those of the whole batch.
        self.needs_whole_batch = entropy > 0 and variety > 0

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W); the noise is ignored."""
        unquantised = self.body(image).float()
        vectors = as_vectors(unquantised, self.channels)
        bits = (vectors.detach() > 0).long()
        signs = 2.0 * bits - 1
        terms = {}
        if self.commitment:
            terms["commitment"] = self.commitment * (vectors - signs).square().mean()
        if self.entropy:
            with single_precision(image.device):
                terms["entropy"] = self.entropy * self._entropy(vectors.flatten(0, 1))
        code = straight_through(unquantised, as_maps(signs))
        return Posterior(code, code, terms=terms, unquantised=unquantised, indices=(bits * self._places(bits)).sum(2))

    def embed(self, codes: Tensor) -> Tensor:
        """The signs of indices (N, height * width): flattened maps (N, channels * height * width)."""
        bits = codes[:, :, None] // self._places(codes) % 2
        return as_maps(2.0 * bits - 1)

    def _places(self, like: Tensor) -> Tensor:
        return 2 ** torch.arange(self.channels, device=like.device)

    def _entropy(self, vectors: Tensor) -> Tensor:
        """The entropy term of vectors (M, channels)."""
        # The squared distances from the two signs differ by 4 v.
        logits = 4 * vectors / (self.channels * self.temperature)
        certain = binary_cross_entropy_with_logits(logits, logits.sigmoid(), reduction="none").sum(1).mean()
        varied = torch.stack([_joint_entropy(part) for part in torch.split(logits, _JOINT, dim=1)]).sum()
        return certain - self.variety * varied


def _joint_entropy(logits: Tensor) -> Tensor:
    """The entropy, in nats, of independent bits with these logits (M, bits), averaged over the M."""
    joint = logits.new_ones(len(logits), 1)
    for up in logits.sigmoid().unbind(1):
        joint = torch.cat([joint * (1 - up)[:, None], joint * up[:, None]], dim=1)
    mean = joint.mean(0)
    return -torch.xlogy(mean, mean.clamp(min=torch.finfo(mean.dtype).tiny)).sum()
