"""Encoders whose codes are indices of learned codebooks."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeSpace, Encoder, Posterior
from priorkit_plugins.quantised_maps import as_maps, as_vectors, require_maps, straight_through
from priorkit_plugins.vq_encoders.codebook import Codebook

__all__ = ["VectorQuantisingEncoder"]


class VectorQuantisingEncoder(Encoder):
    """Maps whose vectors are each replaced by an entry of a codebook, or by a sum of entries, one of each codebook.

    With one codebook this is the encoder of van den Oord et al. 2017 (arXiv:1711.00937, Section 3). With several, each
    quantises the residual of those before it (residual quantisation: Zeghidour et al. 2021, arXiv:2107.03312, Section
    III-C; Lee et al. 2022, arXiv:2203.01941, Section 3.1).

    The decoder's gradient is straight-through. The encoder minimises, with the factor `commitment`, the squared
    distance of its vectors from their quantisation: after each codebook, the mean over all numbers, averaged over the
    codebooks.

    Indices have the shape (L * H, W): those of the first codebook at all places, row after row, then those of the
    second. All codebooks have equally many entries; or all levels share one codebook.

    Args:
        body: From images (N, C, H, W) to flattened maps (N, channels * height * width).
        maps: The maps' space.
        codebooks: One for each level; the same codebook several times if levels share it.
        commitment: Weight of the commitment loss.

    Raises:
        ValueError: Codes are not maps.
    """

    # Codebooks are updated by the vectors of the whole batch.
    needs_whole_batch = True

    def __init__(self, body: nn.Module, maps: CodeSpace, codebooks: Sequence[Codebook], commitment: float) -> None:
        super().__init__()
        self.channels, height, width = require_maps(maps)
        self.body = body
        self.code_dim = maps.dim
        self.quantisers = nn.ModuleList(codebooks)
        self.codebooks = len(set(codebooks))
        self.codes = CodeSpace((len(codebooks) * height, width), codebooks[0].entries)
        self.commitment = commitment

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W); the noise is ignored."""
        unquantised = self.body(image).float()
        vectors = as_vectors(unquantised, self.channels)
        quantised = torch.zeros_like(vectors)
        indices, committed, learned = [], [], []
        for codebook in self.quantisers:
            rest = vectors - quantised.detach()
            found, which = codebook(rest)
            committed.append((rest - found.detach()).square().mean())
            if found.requires_grad:
                learned.append((found - rest.detach()).square().mean())
            quantised = quantised + found
            indices.append(which)
        terms = {"commitment": self.commitment * torch.stack(committed).mean()} if self.commitment else {}
        if learned:
            terms["codebook"] = torch.stack(learned).mean()
        code = straight_through(unquantised, as_maps(quantised))
        return Posterior(code, code, terms=terms, unquantised=unquantised, indices=torch.cat(indices, dim=1))

    def embed(self, codes: Tensor) -> Tensor:
        """The sums of the entries of indices (N, L * height * width): flattened maps (N, channels * height * width)."""
        levels = codes.chunk(len(self.quantisers), dim=1)
        total = torch.zeros((), device=codes.device)
        for codebook, which in zip(self.quantisers, levels, strict=True):
            assert isinstance(codebook, Codebook)
            total = total + codebook.weight()[which]
        return as_maps(total)
