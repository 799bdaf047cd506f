"""The prior of independent indices, fitted by counting."""

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace, Learning, Prior
from priorkit_plugins.indices import indices_at, require_indices

__all__ = ["IndexFrequenciesPrior"]


class IndexFrequenciesPrior(Prior):
    """p(indices) = prod_i p_i(index i): entries' frequencies at each place in all codes, or in each class.

    This is maximum likelihood for independent places, with pseudo-counts, so that no index has probability 0. It serves
    as the baseline for priors of dependent indices. Before it is fitted, it is uniform.

    Args:
        codes: The indices' space.
        classes: Number of classes of a one-hot s; 0 if codes do not depend on s.
        added: Pseudo-count, above 0.

    Raises:
        ValueError: Codes are not indices.
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
        """Turns uniform noise (N, code_dim) into indices by inverse cumulative distributions: int64 (N, code_dim)."""
        return indices_at(noise, self.shares[self._classes(condition, len(noise), noise.device)])

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-probability of indices (N, code_dim) in nats, shape (N,).

        Raises:
            ValueError: The prior depends on the class, but none is given.
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
