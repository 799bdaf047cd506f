"""A codebook: vectors that quantise other vectors, trained by moving averages or by gradients."""

from typing import Literal

import torch
from torch import Tensor, nn

from priorkit.interfaces import TrackingLayer
from priorkit_plugins.single_precision import single_precision

__all__ = ["Codebook", "CodebookUpdate"]

CodebookUpdate = Literal["averages", "gradient"]
"""Training by moving averages of the vectors assigned to entries, or by the gradient of their distance."""


class Codebook(TrackingLayer):
    """Entries e_1, ..., e_K, each of which stands for the vectors that are nearer to it than to the others.

    With `averages`, an entry is the mean of its assigned vectors: a moving average of their sum divided by a moving
    average of their number (van den Oord et al. 2017, arXiv:1711.00937, Appendix A.1). With `gradient`, it minimises
    their squared distance, a term of the loss (Eq. 3 there).

    An entry is dead if the moving average of its share of the vectors falls below `revive_below` / K. Dead entries are
    reset to vectors of the batch, as in Dhariwal et al. 2020 (arXiv:2005.00341, Section 3), but vectors are chosen in
    proportion to their squared distances from their entries, as in k-means++ (Arthur and Vassilvitskii 2007), by
    systematic sampling, which is deterministic. All entries are dead at first, so the first batch initialises the
    codebook.

    Args:
        entries: K, at least 2.
        channels: Dimensions of a vector.
        update: How entries are trained.
        decay: Decay of moving averages at each batch, in [0, 1).
        revive_below: Factor of 1 / K below which an entry is dead; with 0, entries are reset only at first.

    Attributes:
        share: Moving average of each entry's share of the vectors, (K,).
    """

    vectors: Tensor
    shift: Tensor
    share: Tensor
    begun: Tensor

    def __init__(
        self,
        entries: int,
        channels: int,
        *,
        update: CodebookUpdate = "averages",
        decay: float = 0.99,
        revive_below: float = 0.1,
    ) -> None:
        super().__init__()
        self.entries = entries
        self.update = update
        self.decay = decay
        self.revive_below = revive_below
        start = torch.randn(entries, channels)
        if update == "averages":
            self.register_buffer("vectors", start)
        else:
            self.vectors = nn.Parameter(start)
            # Offsets of revived entries: forward passes must not write to parameters, which have optimisers and
            # averages.
            self.register_buffer("shift", torch.zeros(entries, channels))
        self.register_buffer("share", torch.full((entries,), 1 / entries))
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))

    def weight(self) -> Tensor:
        """The entries (K, channels)."""
        return self.vectors if self.update == "averages" else self.vectors + self.shift

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest entries of vectors (N, places, channels), and their indices (N, places), int64.

        In training mode, the codebook is then updated by these vectors. Entries have a gradient if they are trained by
        it.
        """
        with single_precision(vectors.device):
            # A copy, because the entries are then changed in place.
            entries = self.weight().clone()
            with torch.no_grad():
                flat = vectors.detach().flatten(0, 1)
                # The squared distance from each entry, without the term that is equal for all.
                indices = (entries.square().sum(1) - 2 * flat @ entries.T).argmin(1)
            found = entries[indices]
            if self.training and self.track_running_stats:
                with torch.no_grad():
                    self._follow(flat, indices, found)
        return found.view_as(vectors), indices.view(vectors.shape[:2])

    def _follow(self, vectors: Tensor, indices: Tensor, found: Tensor) -> None:
        """Updates averages by vectors (M, channels), the indices of their entries, and these entries."""
        counted = torch.zeros_like(self.share).index_add(0, indices, torch.full_like(vectors[:, 0], 1 / len(vectors)))
        self.share.lerp_(counted, 1 - self.decay)
        if self.update == "averages":
            # Equivalent to dividing one average by the other, without dividing by 0 for unused entries.
            apart = torch.zeros_like(self.vectors).index_add(0, indices, (vectors - found) / len(vectors))
            tiny = torch.finfo(apart.dtype).tiny
            self.vectors.add_((1 - self.decay) * apart / self.share.clamp(min=tiny)[:, None])
        dead = (self.share < self.revive_below / self.entries) | ~self.begun
        revived = vectors[_spread(dead, (vectors - found).square().sum(1))]
        if self.update == "averages":
            self.vectors.copy_(torch.where(dead[:, None], revived, self.vectors))
        else:
            self.shift.copy_(torch.where(dead[:, None], revived - self.vectors, self.shift))
        self.share.copy_(torch.where(dead, 1 / self.entries, self.share))
        self.begun.fill_(True)


def _spread(wanted: Tensor, weights: Tensor) -> Tensor:
    """A place among M for each of K that want one, by systematic sampling: as likely as it is heavy.

    Args:
        wanted: Which of the K entries need a place, bool (K,).
        weights: Weights of the M places, at least 0; if all are 0, the choice is arbitrary.

    Returns:
        int64 (K,), without meaning for entries that need none.
    """
    reached = (weights + torch.finfo(weights.dtype).tiny).cumsum(0)
    # The r-th of R takes the place at which the sum of weights reaches (r - 1/2) / R of the total.
    ranks = (wanted.cumsum(0) - 0.5) / wanted.sum().clamp(min=1)
    return torch.searchsorted(reached, ranks * reached[-1]).clamp(max=len(weights) - 1)
