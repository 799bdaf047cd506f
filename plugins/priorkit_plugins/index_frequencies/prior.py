"""Independent indices, counted."""

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace, Learning, Prior
from priorkit_plugins.indices import indices_at, require_indices

__all__ = ["IndexFrequenciesPrior"]


class IndexFrequenciesPrior(Prior):
    """p(indices) = prod_i p_i(index i): at each place the shares of the entries in all codes; or those of each class.

    Maximum likelihood of independent places, but for what is added to every count, without which an index that no code
    has had would be impossible. What a prior of dependent indices gains is measured against it. Without codes, all
    entries are alike.

    Args:
        codes: The indices' space.
        classes: Number of classes that s is one of, one-hot; 0 where codes do not depend on s.
        added: Added to every count, above 0.

    Raises:
        ValueError: Codes are no indices.
    """

    shares: Tensor
    kinds = (CodeKind.INDICES,)
    learning = Learning.ALL_CODES
    has_density = True

    def __init__(self, codes: CodeSpace, *, classes: int = 0, added: float = 0.1) -> None:
        super().__init__()
        require_indices(codes)
        self.code_dim, self.entries = codes.dim, codes.entries
        self.takes_condition = classes > 0
        self.added = added
        self.register_buffer("shares", torch.full((max(classes, 1), codes.dim, codes.entries), 1 / codes.entries))

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        """Counts the entries at each place of indices (M, code_dim), for each class of one-hot s (M, classes)."""
        places = torch.arange(self.code_dim, device=code.device)
        counts = torch.full_like(self.shares, self.added)
        which = self._classes(condition, len(code), code.device)[:, None].expand_as(code)
        counts.index_put_((which, places.expand_as(code), code), counts.new_ones(()), accumulate=True)
        self.shares.copy_(counts / counts.sum(2, keepdim=True))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """A uniform number for each index: shape (n, code_dim)."""
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Indices of uniform noise (N, code_dim), by the inverse distribution function: int64 (N, code_dim)."""
        return indices_at(noise, self.shares[self._classes(condition, len(noise), noise.device)])

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-probability of indices (N, code_dim) in nats, shape (N,).

        Raises:
            ValueError: It depends on the class, and none is given.
        """
        places = torch.arange(self.code_dim, device=code.device)
        shares = self.shares[self._classes(condition, len(code), code.device)[:, None], places, code]
        return shares.log().sum(1)

    def _classes(self, condition: Tensor | None, n: int, device: torch.device) -> Tensor:
        if not self.takes_condition:
            return torch.zeros(n, dtype=torch.int64, device=device)
        if condition is None:
            raise ValueError(
                "its indices depend on the class, and none is given; give the class of each, as one-hot s (N, classes)"
            )
        return condition.argmax(1)
