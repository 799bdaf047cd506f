"""log p(x, z) of an autoencoder with a likelihood and a density of codes, for bounds on log p(x)."""

from collections.abc import Callable

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Noise, System
from priorkit_plugins.divergence import require_divergence
from priorkit_plugins.kl.regularizer import KLRegularizer

__all__ = ["JointDensity"]


class JointDensity:
    """log p(x|z) and log p(z), for phases that train encoder, decoder and prior by a bound on log p(x).

    Such a bound already contains KL(q(z|x) || p(z)). The regularizer `kl` therefore only gives the weight, with its
    warm-up, of log p(z) - log q(z|x). With the regularizer `none` the weight is 1.

    Args:
        system: The components.

    Raises:
        ValueError: There is no likelihood or no density of codes, or the regularizer is not supported.

    Attributes:
        generative: Names of the networks of p(x, z) that learn: the decoder, and a prior that learns by likelihood.
    """

    def __init__(self, system: System) -> None:
        if system.encoder is None:
            raise ValueError("needs an encoder that gives a distribution; use --encoder gaussian")
        require_divergence(system.encoder, system.prior)
        if system.loss is None:
            raise ValueError("needs a likelihood of images; use --loss pixel with --loss.reduction sum")
        blank = torch.zeros(1, system.shape.channels, system.shape.size, system.shape.size)
        try:
            system.loss.log_likelihood(blank, blank)
        except TypeError as error:
            raise ValueError(f"needs a likelihood of images: {error}") from error
        self._kl = _divergence_of(system)
        self.system = system
        self.encoder = system.encoder
        self.loss = system.loss
        self.prior = system.prior
        self._learns_prior = system.prior.learning is Learning.LIKELIHOOD
        self.generative = ("decoder", "prior") if self._learns_prior else ("decoder",)

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """`condition` (n, dim), if it is random."""
        condition = self.system.condition
        if condition is None or condition.from_data:
            return {}
        return {"condition": condition.draw(n, generator=generator, device=device)}

    def _condition_of(self, noise: Noise) -> Tensor | None:
        """The condition s of the images (N, dim), if they have one and the prior takes it."""
        condition = self.system.condition
        known = condition is not None and condition.from_data and self.prior.takes_condition
        return noise.get("condition") if known else None

    def weight(self) -> Tensor | float:
        """The weight of log p(z) - log q(z|x). Call it once a step: a warm-up counts calls."""
        if self._kl is None:
            return 1.0
        weight = self._kl.scheduled(self._kl.weight)
        self._kl.count_update()
        return weight

    def log_likelihood(self, images: Tensor, codes: Tensor) -> Tensor:
        """Log p(x|z) in nats, shape (N,), of images (N, C, H, W) and codes (N, code_dim)."""
        return self.loss.log_likelihood(self.system.decoder(codes), images)

    def density(self, noise: Noise, draws: int = 1) -> Callable[[Tensor], Tensor]:
        """Returns log p(z) in nats, from codes (N * draws, code_dim) to float32 (N * draws,). Call once a step.

        Args:
            noise: A phase's noise for N images: with their s, if p(z) depends on it, and their indices, if the prior
                leaves images out.
            draws: Number of consecutive codes of each image.
        """
        condition = self._condition_of(noise)
        given = () if condition is None else (condition.repeat_interleave(draws, 0),)
        prior = self.prior
        if "indices" in noise:
            prior = prior.leaving_out(noise["indices"].repeat_interleave(draws))
        return lambda codes: prior.log_prob(codes, *given).float()

    def prior_terms(self) -> dict[str, Tensor]:
        """`prior`: the loss of the prior's parameters in addition to the bound, if it has one."""
        loss = self.prior.parameter_loss() if self._learns_prior else None
        return {} if loss is None else {"prior": loss}


def _divergence_of(system: System) -> KLRegularizer | None:
    """The regularizer `kl`, or None for one without terms, such as `none`.

    Raises:
        ValueError: It is another regularizer, or `kl` has options other than a weight.
    """
    regularizer = system.regularizer
    if isinstance(regularizer, KLRegularizer) and regularizer.capacity is None and regularizer.free_bits is None:
        return regularizer
    if regularizer is None or regularizer.has_terms:
        raise ValueError(
            "its bound contains the divergence from the prior, and supports no other regularizer, and no "
            "capacity or free bits; use --regularizer kl with a weight and a warm-up alone, or none"
        )
    return None
