"""The encoder `example-vq`."""

import torch
from priorkit.interfaces import CodeKind, CodeSpace, Encoder, Posterior
from torch import Tensor, nn

__all__ = ["VectorQuantisedEncoder"]


class VectorQuantisedEncoder(Encoder):
    """Replaces each vector of a map by the nearest vector of a codebook (van den Oord et al. 2017, Section 3).

    The decoder's gradient passes straight through the replacement. The codebook minimises the squared distance of its
    vectors from the encoder's vectors, and the encoder, weighted by `commitment`, that of its vectors from the
    codebook's (Eq. 3); distances are means over the entries of a map.

    Args:
        body: From images (N, C, H, W) to flattened maps (N, channels * height * width).
        maps: The space of the maps.
        entries: Number of vectors in the codebook.
        commitment: Weight of the commitment loss.

    Raises:
        ValueError: Codes are not maps.
    """

    def __init__(self, body: nn.Module, maps: CodeSpace, entries: int, commitment: float) -> None:
        super().__init__()
        if maps.kind is not CodeKind.MAP:
            raise ValueError("quantises maps, and codes are vectors; say how high and wide maps are: --code-size 8")
        self.body = body
        self.channels, *places = maps.shape
        self.code_dim = maps.dim
        self.codes = CodeSpace((places[0], places[1]), entries)
        self.commitment = commitment
        self.codebook = nn.Parameter(torch.randn(entries, self.channels))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W); the noise is ignored."""
        unquantised = self.body(image).float()
        with torch.no_grad():
            vectors = unquantised.unflatten(1, (self.channels, -1)).mT
            # By differences: with a matrix product, rounding of a code would depend on its batch.
            distances = torch.cdist(vectors, self.codebook, compute_mode="donot_use_mm_for_euclid_dist")
            indices = distances.argmin(2)
        nearest = self.embed(indices)
        terms = {
            "codebook": (nearest - unquantised.detach()).square().mean(),
            "commitment": self.commitment * (unquantised - nearest.detach()).square().mean(),
        }
        code = unquantised + (nearest - unquantised).detach()
        return Posterior(code, code, terms=terms, unquantised=unquantised, indices=indices)

    def embed(self, codes: Tensor) -> Tensor:
        """Returns the vectors of indices (N, height * width): flattened maps (N, channels * height * width)."""
        return self.codebook[codes].mT.flatten(1)
