"""A normalising flow over codes."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.interfaces import CodeSpace, Learning, Prior, Standardisation
from priorkit_plugins.single_precision import single_precision

__all__ = ["FlowPrior"]


class FlowPrior(Prior):
    """p(code) or p(code | s): code = f^-1(z; s) for z ~ N(0, I) and an invertible network f, trained with the encoder.

    In a stage on codes, f takes standardised codes: splines act on a fixed interval only, and initial weights suit
    inputs of deviation 1. When trained with the encoder, f takes the codes themselves.

    It always computes in the precision of its weights, never in mixed precision: errors of the inverse add up.

    Args:
        transform: Called with s (N, condition_dim) or None, returns f as a torch transform, with `inv` and
            `call_and_ladj`.
        codes: The space of the codes.
        condition_dim: Dimensions of the condition s; 0 for none.
    """

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, transform: nn.Module, codes: CodeSpace, condition_dim: int = 0) -> None:
        super().__init__()
        self.transform = transform
        self.code_dim = codes.dim
        self.standardisation = Standardisation(codes)
        self.takes_condition = condition_dim > 0

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws z ~ N(0, I), shape (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """f^-1(z; s): turns noise (N, code_dim), and s (N, condition_dim) if used, into codes (N, code_dim).

        Raises:
            ValueError: The prior takes a condition, but none is given.
        """
        codes: Tensor = self._invert(noise, condition)
        return codes

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,): log N(f(code; s); 0, I) + log |det df/dcode|.

        f and the determinant include the standardisation.

        Raises:
            ValueError: The prior takes a condition, but none is given: a flow cannot marginalise over s.
        """
        with single_precision(code.device):
            scaled = self.standardisation(self._exact(code))
            noise, log_determinant = self._transform(condition).call_and_ladj(scaled)
            squares: Tensor = noise.square().sum(1) + self.code_dim * math.log(2 * math.pi)
            log_density: Tensor = log_determinant - self.standardisation.log_volume() - 0.5 * squares
        return log_density

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes by their means and deviations (code_dim,)."""
        self.standardisation.set(mean, deviation)

    # torch.compile cannot follow zuko's transforms.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _invert(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        with single_precision(noise.device):
            codes: Tensor = self.standardisation.inverse(self._transform(condition).inv(self._exact(noise)))
        return codes

    def _transform(self, condition: Tensor | None) -> Any:
        if self.takes_condition and condition is None:
            raise ValueError(
                "a conditional flow has a density for each s, but none over all s; use a condition that images bring "
                "with them (--condition labels or embedding), or --condition none"
            )
        return self.transform(None if condition is None else self._exact(condition))

    def _exact(self, tensor: Tensor) -> Tensor:
        return tensor.to(next(self.parameters()).dtype)
