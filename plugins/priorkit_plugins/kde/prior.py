"""The kernel density prior."""

from typing import Literal

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Prior
from priorkit_plugins.kde.bandwidth import likeliest_bandwidth, scott, silverman
from priorkit_plugins.kde.kernels import kernel_log_density
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["KdePrior"]

_NARROWEST = 1e-3
"""Smallest deviation of a dimension for the width of kernels, as a share of the root mean square deviation."""


class KdePrior(Prior):
    """p(code) = 1/n sum_i N(code; c_i, h^2 diag(d^2)): the codes c_i of training images, d their deviations.

    With classes, p(code | s) is the mean over the exemplars of class s, and p(code) weights classes by their
    frequencies among the codes. Before the fit, exemplars are standard normal, with all classes in turn.

    Args:
        code_dim: Dimensions of a code.
        count: n, the number of kernels.
        classes: Number of classes of the condition s, one-hot; 0 for none.
        bandwidth: h, above 0; found by the rule if None.
        rule: How the bandwidth is found: by the likelihood of held-out codes, or by Scott's or Silverman's formula.
    """

    learning = Learning.ALL_CODES
    has_density = True
    exemplars: Tensor
    ends: Tensor
    mean: Tensor
    deviation: Tensor
    bandwidth: Tensor

    def __init__(
        self,
        code_dim: int,
        count: int,
        classes: int = 0,
        *,
        bandwidth: float | None = None,
        rule: Literal["likelihood", "scott", "silverman"] = "likelihood",
    ) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.takes_condition = classes > 0
        self.given, self.rule = bandwidth, rule
        sets = max(classes, 1)
        # Standardised, class by class.
        self.register_buffer("exemplars", torch.randn(count, code_dim))
        self.register_buffer("ends", torch.arange(1, sets + 1) * count // sets)
        self.register_buffer("mean", torch.zeros(code_dim))
        self.register_buffer("deviation", torch.ones(code_dim))
        self.register_buffer("bandwidth", torch.tensor(scott(count, code_dim) if bandwidth is None else bandwidth))

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """Shape (n, 1): uniform numbers, whose order picks exemplars and held-out codes."""
        return torch.rand(n, 1, generator=generator, device=device)

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        """Stores exemplars among codes (M, code_dim), and finds the bandwidth.

        Raises:
            ValueError: There are fewer codes than kernels, all codes are equal, or a class has no exemplar.
        """
        count = len(self.exemplars)
        if len(code) < max(count, 2):
            raise ValueError(
                f"{count} kernels need at least {max(count, 2)} codes, and there are {len(code)}; use fewer "
                "--prior.kernels, or more codes"
            )
        picked = noise[:, 0].argsort()[:count]
        deviation = code.std(dim=0, correction=0)
        if not bool(deviation.max() > 0):
            raise ValueError("the codes of all training images are the same; train the autoencoder longer, or another")
        self.mean.copy_(code.mean(dim=0))
        self.deviation.copy_(deviation.clamp(min=_NARROWEST * float(deviation.square().mean().sqrt())))
        codes = (code[picked] - self.mean) / self.deviation
        classes = None
        if condition is not None:
            classes = condition.argmax(1)[picked]
            counts = torch.bincount(classes, minlength=len(self.ends))
            if bool((counts == 0).any()):
                raise ValueError(
                    f"class {int(counts.argmin())} has none of the {count} kernels; use more --prior.kernels, "
                    "or --condition none"
                )
            self.ends.copy_(counts.cumsum(0))
        self.bandwidth.fill_(self._found(codes, classes))
        self.exemplars.copy_(codes if classes is None else codes[classes.argsort(stable=True)])

    def _found(self, codes: Tensor, classes: Tensor | None) -> float:
        if self.given is not None:
            return self.given
        if self.rule == "likelihood" and len(codes) > 1:
            return likeliest_bandwidth(codes, classes)
        return (silverman if self.rule == "silverman" else scott)(len(codes), self.code_dim)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Shape (n, 1 + code_dim): a uniform number that picks the exemplar, then standard normals."""
        place = torch.rand(n, 1, generator=generator, device=device)
        return torch.cat([place, torch.randn(n, self.code_dim, generator=generator, device=device)], dim=1)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Codes (N, code_dim) from noise (N, 1 + code_dim): around exemplars of the classes in s, or of all classes."""
        first, end = self._of_class(condition, len(noise))
        # A uniform number near 1 may be rounded up to the end.
        place = torch.minimum(((end - first) * at_least_single(noise[:, 0])).long(), end - first - 1)
        # Before the fit, a class may have no exemplar.
        picked = (first + place).clamp(min=0, max=len(self.exemplars) - 1)
        standard = self.exemplars.index_select(0, picked) + self.bandwidth * noise[:, 1:]
        return self.mean + self.deviation * standard

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,): given s (N, classes), or over all s."""
        with single_precision(code.device):
            standard = (at_least_single(code) - self.mean) / self.deviation
            log_weights = -torch.full_like(self.exemplars[:, 0], len(self.exemplars)).log()
            if condition is not None:
                first, end = (place[:, None] for place in self._of_class(condition, len(code)))
                places = torch.arange(len(self.exemplars), device=code.device)
                own = (places >= first) & (places < end)
                log_weights = torch.where(own, -(end - first).to(standard).log(), float("-inf"))
            density = kernel_log_density(standard, self.exemplars, log_weights, self.bandwidth)
            return density - self.deviation.log().sum()

    def _of_class(self, condition: Tensor | None, n: int) -> tuple[Tensor, Tensor]:
        """The first and last index of the exemplars of each code's class: int64, each (N,)."""
        if condition is None:
            end = self.ends[-1:].expand(n)
            return torch.zeros_like(end), end
        own = condition.argmax(1)
        starts = torch.cat([torch.zeros_like(self.ends[:1]), self.ends[:-1]])
        return starts.index_select(0, own), self.ends.index_select(0, own)
