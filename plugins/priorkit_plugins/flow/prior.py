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

    In a stage on codes, f is of standardised codes: splines bend a fixed interval only, and weights start for inputs of
    about deviation 1. Beside the encoder, f is of codes as they are.

    It computes in the precision of its weights throughout, never in the run's mixed one: errors of an inverse add up.

    Args:
        transform: Called with s (N, condition_dim) or None, gives f as a transform of torch, with `inv` and
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
        """f^-1(z; s): from noise (N, code_dim) and s (N, condition_dim), if it takes one, to codes (N, code_dim).

        Raises:
            ValueError: It takes a condition, and there is none.
        """
        codes: Tensor = self._invert(noise, condition)
        return codes

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log-density of codes (N, code_dim) in nats, shape (N,): log N(f(code; s); 0, I) + log |det df/dcode|.

        f includes the standardisation, and the determinant its.

        Raises:
            ValueError: It takes a condition, and there is none: a flow cannot add up over all s.
        """
        with single_precision(code.device):
            scaled = self.standardisation(self._exact(code))
            noise, log_determinant = self._transform(condition).call_and_ladj(scaled)
            squares: Tensor = noise.square().sum(1) + self.code_dim * math.log(2 * math.pi)
            log_density: Tensor = log_determinant - self.standardisation.log_volume() - 0.5 * squares
        return log_density

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes, whose means and deviations (code_dim,) are given."""
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
                "a conditional flow has a density for each s, none over all of them; use a condition that images bring "
                "with them (--condition labels or embedding), or --condition none"
            )
        return self.transform(None if condition is None else self._exact(condition))

    def _exact(self, tensor: Tensor) -> Tensor:
        return tensor.to(next(self.parameters()).dtype)
