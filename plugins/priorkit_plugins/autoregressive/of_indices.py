"""The autoregressive prior of indices."""

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from priorkit.interfaces import CodeKind, CodeSpace, Learning, Prior
from priorkit_plugins.autoregressive.transformer import CausalTransformer
from priorkit_plugins.indices import indices_at, require_indices
from priorkit_plugins.single_precision import single_precision

__all__ = ["IndexTransformerPrior"]


class IndexTransformerPrior(Prior):
    """p(indices) = prod_i p(index i | the indices before it), or the same given s: a causal transformer.

    Indices follow each other row after row; those of several codebooks, codebook after codebook. The density takes one
    pass of the network; a sample takes one step for each index, with cached keys and values of earlier steps. An index
    is drawn by inverting the cumulative distribution at a uniform number.

    It is fitted to the encoder's indices by maximum likelihood, like the transformer of Esser et al. 2021
    (arXiv:2012.09841, Section 3.2) and the PixelCNN of van den Oord et al. 2017. Evaluation mode computes in float32.

    Args:
        codes: The indices' space.
        transformer: The network, with one position for each index.
        dropout: Dropout rate in the residual branches, at least 0 and below 1.

    Raises:
        ValueError: Codes are not indices.
    """

    kinds = (CodeKind.INDICES,)
    learning = Learning.CODES
    has_density = True

    def __init__(self, codes: CodeSpace, transformer: CausalTransformer, *, dropout: float = 0.0) -> None:
        super().__init__()
        require_indices(codes)
        self.code_dim, self.entries = codes.dim, codes.entries
        self.takes_condition = transformer.prefix is not None
        self.dropout = dropout
        self.transformer = transformer
        self.embedding = nn.Embedding(codes.entries, transformer.width)
        self.readout = nn.Linear(transformer.width, codes.entries)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """A uniform number for each index: shape (n, code_dim)."""
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns uniform noise (N, code_dim), and s (N, condition_dim) if used, into indices: int64 (N, code_dim).

        Raises:
            ValueError: The prior takes a condition, but none is given.
        """
        drawn: list[Tensor] = []
        with torch.no_grad(), single_precision(noise.device):
            outputs, memory = self.transformer.begin(len(noise), condition)
            for place in range(self.code_dim):
                if drawn:
                    outputs, memory = self.transformer.go_on(self.embedding(drawn[-1]), place, memory)
                drawn.append(indices_at(noise[:, place], self.readout(outputs).softmax(1)))
        return torch.stack(drawn, dim=1)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-probability of indices (N, code_dim) in nats, shape (N,), given s (N, condition_dim) if used.

        Raises:
            ValueError: The prior takes a condition, but none is given.
        """
        return self._log_prob(code, condition)

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Uniform numbers for dropout: (n, 2 * layers, code_dim, width), or (n, 0) without dropout."""
        if not self.dropout:
            return torch.empty(n, 0, device=device)
        size = (n, 2 * self.transformer.layers, self.code_dim, self.transformer.width)
        return torch.rand(*size, generator=generator, device=device)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Minus the mean log-probability of an index of codes (N, code_dim), in nats; with dropout in training."""
        kept = (noise >= self.dropout) / (1 - self.dropout) if self.dropout and self.training else None
        return -self._log_prob(code, condition, kept).mean() / self.code_dim

    def _log_prob(self, code: Tensor, condition: Tensor | None, kept: Tensor | None = None) -> Tensor:
        # In training, the network may be computed in the run's mixed precision.
        with nullcontext() if self.training else single_precision(code.device):
            outputs = self.transformer(self.embedding(code[:, :-1]), condition, kept)
            logits = self.readout(outputs).float()
        return -cross_entropy(logits.transpose(1, 2), code, reduction="none").sum(1)
