"""A nested Chinese restaurant process over codes, truncated to a finite tree."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import MixtureSameFamily
from torch.nn.functional import logsigmoid

from priorkit.interfaces import Learning, Prior
from priorkit_plugins.diagonal_mixture import DiagonalMixture, mixture_noise, picked_parts

__all__ = ["TreePrior"]

_START = 0.1
"""Factor of the initial distances of means, relative to the tree's own density: with a factor of 1, in many dimensions,
the nearest leaf would take all codes."""


class TreePrior(Prior):
    """p(code) = sum over leaves of (their path's weight) * N(code; leaf's mean, leaf_std^2 I).

    As in Goyal et al. 2017: a node's mean is drawn around its parent's, mu_child ~ N(mu_parent, sigma_l^2 I)
    with a sigma_l for each level l; at every node the children's weights come from breaking a stick, v_j ~ Beta(1,
    gamma) and w_j = v_j * prod_{i<j} (1 - v_i); a path's weight is the product of its nodes' weights; codes lie around
    the means of leaves.

    Unlike there, the tree is truncated: every node has the same number of children, the last of which gets the rest of
    the stick, and every path has the same length. The paper alternates variational EM for posteriors of means and
    sticks with training the autoencoder; here means and sticks are point estimates, trained by the regularizer's loss
    together with the encoder, and by `parameter_loss`. Images are independent here; the paper's are frames of videos,
    each with its own path weights.

    Args:
        code_dim: Dimensions of a code.
        depth: Levels below the root, at least 1.
        branching: Children of a node, at least 2.
        concentration: gamma, above 0.
        node_std: Standard deviation of the root's mean around 0, sigma_0.
        node_decay: sigma_l = sigma_0 * node_decay^l.
        leaf_std: Standard deviation of codes around their leaf's mean.
        train_count: Number of training images, by which the parameters' log-density is divided.
    """

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(
        self,
        code_dim: int,
        *,
        depth: int,
        branching: int,
        concentration: float,
        node_std: float,
        node_decay: float,
        leaf_std: float,
        train_count: int,
    ) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.clusters = branching**depth
        self.concentration = concentration
        self.leaf_std = leaf_std
        self.train_count = train_count
        self._stds = [node_std * node_decay**level for level in range(depth + 1)]
        # The root's mean, then the differences of nodes' means from their parents', so that branches move together.
        self.offsets = nn.ParameterList(
            _START * std * torch.randn(branching**level, code_dim) for level, std in enumerate(self._stds)
        )
        # Logits of v_j. Initially, all children have the same weight: v_j is 1 / (number of remaining children).
        shares = torch.arange(branching, 1, -1, dtype=torch.float32)
        self.sticks = nn.ParameterList(-torch.log(shares - 1).repeat(branching**level, 1) for level in range(depth))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 1 + code_dim): a uniform number that picks the leaf, then standard normals."""
        return mixture_noise(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Codes (N, code_dim) around the leaves that the first column of the noise (N, 1 + code_dim) picks."""
        picked = picked_parts(noise[:, 0], self._log_weights())
        return self.means()[-1].index_select(0, picked) + self.leaf_std * noise[:, 1:]

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,)."""
        return self._mixture().log_prob(code)

    def distribution(self) -> MixtureSameFamily:
        """The mixture of all leaves, with event shape (code_dim,)."""
        return self._mixture().distribution()

    def responsibilities(self, code: Tensor) -> Tensor:
        """p(leaf | code) of codes (N, code_dim): shape (N, clusters). Siblings are neighbours."""
        return self._mixture().responsibilities(code)

    def means(self) -> list[Tensor]:
        """The nodes' means, level by level from the root: shapes (branching^l, code_dim)."""
        levels = [self.offsets[0]]
        for offsets in list(self.offsets)[1:]:
            parents = levels[-1][:, None]
            levels.append((parents + offsets.view(len(parents), -1, self.code_dim)).flatten(0, 1))
        return levels

    def parameter_loss(self) -> Tensor:
        """-log p(means, sticks) / train_count, a scalar in nats.

        The density of sticks is taken for their logits, log(v / (1 - v)), whose mode is at E[v] = 1 / (1 + gamma); the
        density of v itself has its mode at 0 or 1, where the logit is infinite.
        """
        total = torch.zeros((), device=self.offsets[0].device)
        for std, offsets in zip(self._stds, self.offsets, strict=True):
            constant = offsets.numel() * (math.log(std) + 0.5 * math.log(2 * math.pi))
            total = total + 0.5 * (offsets / std).square().sum() + constant
        for logits in self.sticks:
            # Beta(1, gamma) is gamma (1 - v)^(gamma - 1), and dv / dlogit is v (1 - v).
            log_density = logsigmoid(logits) + self.concentration * logsigmoid(-logits)
            total = total - log_density.sum() - logits.numel() * math.log(self.concentration)
        return total / self.train_count

    def _log_weights(self) -> Tensor:
        """Log-weights of the leaves' paths, shape (clusters,)."""
        paths = torch.zeros(1, device=self.offsets[0].device)
        for logits in self.sticks:
            nothing = torch.zeros(len(logits), 1, device=logits.device)
            taken = torch.cat([logsigmoid(logits), nothing], dim=1)
            left = torch.cat([nothing, logsigmoid(-logits).cumsum(1)], dim=1)
            paths = (paths[:, None] + taken + left).flatten()
        return paths

    def _mixture(self) -> DiagonalMixture:
        means = self.means()[-1]
        return DiagonalMixture(self._log_weights(), means, torch.full_like(means, 2 * math.log(self.leaf_std)))
