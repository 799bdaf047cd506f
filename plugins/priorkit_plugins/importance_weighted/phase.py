"""The phase of importance weighted autoencoders."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from priorkit.interfaces import Move, Noise, Phase, Posterior, frozen_statistics
from priorkit_plugins.conditional_normal import normal_log_prob
from priorkit_plugins.divergence import posterior_log_prob
from priorkit_plugins.joint_density import JointDensity
from priorkit_plugins.single_precision import at_least_single

__all__ = ["ImportanceWeightedPhase", "log_mean_exp"]


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """The logarithm of the mean weight over the last dimension."""
    return torch.logsumexp(log_weights, -1) - math.log(log_weights.shape[-1])


class ImportanceWeightedPhase(Phase):
    """Maximises a bound on log p(x) from several draws z_k of each posterior.

    With weights w_k = p(x|z_k) p(z_k) / q(z_k|x), in nats, means over the batch:

    - `iwae`: log 1/K sum_k w_k (Burda et al. 2016, Eq. 8). With one draw, it is the ELBO.
    - `miwae`: the mean of M such bounds, each from K separate draws (Rainforth et al. 2018, Eq. 14).
    - `piwae`: `miwae` trains the encoder, and one bound from all M K draws trains decoder and prior (the same, Eq. 16).
    - `ciwae`: beta ELBO + (1 - beta) iwae, of the same K draws (the same, Eq. 15).

    Images are encoded once if posteriors are normal, otherwise once for each draw.

    Args:
        joint: log p(x, z) of the system.
        bound: Which bound.
        draws: K, the draws of each bound.
        groups: M, for `miwae` and `piwae`.
        beta: Share of the ELBO in `ciwae`.
        reconstruction_weight: Factor of the decoder's gradient.
    """

    name = "importance_weighted"

    def __init__(
        self,
        joint: JointDensity,
        bound: str = "iwae",
        *,
        draws: int = 5,
        groups: int = 5,
        beta: float = 0.5,
        reconstruction_weight: float = 1.0,
    ) -> None:
        self.joint = joint
        self.bound = bound
        self.draws = draws
        self.groups = groups if bound in ("miwae", "piwae") else 1
        self.beta = beta
        self.gradient_scale = {"decoder": reconstruction_weight}
        if bound == "piwae":
            self.players = {"encoder": ("encoder",), "generator": joint.generative}
        else:
            self.players = {"autoencoder": ("encoder", *joint.generative)}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`posterior` (n, M * K, code_dim); `condition` (n, dim) if it is random."""
        shape = (n, self.groups * self.draws, self.joint.encoder.code_dim)
        noise = {"posterior": torch.randn(shape, generator=generator, device=device)}
        return {**noise, **self.joint.noise(n, generator, device)}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The autoencoder's move; for `piwae`, the encoder's move, then that of decoder and prior."""
        joint, weight = self.joint, self.joint.weight()
        log_prior = joint.density(noise, self.groups * self.draws)
        posterior, codes, log_posterior = self._draws(images, noise["posterior"])
        log_weights = self._log_weights(images, codes, log_posterior, log_prior, weight)
        if self.bound != "piwae":
            terms = {"negative_bound": -self._bound(log_weights).mean(), **posterior.terms, **joint.prior_terms()}
            yield Move("autoencoder", terms, self.gradient_scale)
            return
        yield Move("encoder", {"encoder_negative_bound": -self._bound(log_weights).mean(), **posterior.terms})

        # The decoder has seen these codes already: its running statistics should not see them twice.
        with frozen_statistics(joint.system.decoder):
            log_weights = self._log_weights(images, codes.detach(), log_posterior.detach(), log_prior, weight)
        terms = {"negative_bound": -log_mean_exp(log_weights.flatten(1)).mean(), **joint.prior_terms()}
        yield Move("generator", terms, self.gradient_scale)

    def _bound(self, log_weights: Tensor) -> Tensor:
        """The bound for each image, shape (N,), from log-weights (N, M, K)."""
        bound = log_mean_exp(log_weights).mean(1)
        if self.bound != "ciwae":
            return bound
        return self.beta * log_weights.mean((1, 2)) + (1 - self.beta) * bound

    def _draws(self, images: Tensor, noise: Tensor) -> tuple[Posterior, Tensor, Tensor]:
        """The posterior of each image, draws from it (N, S, code_dim) and their log-densities (N, S)."""
        posterior: Posterior = self.joint.encoder(images, noise[:, 0])
        if posterior.log_variance is not None:
            mean, log_variance = at_least_single(posterior.mean), at_least_single(posterior.log_variance)
            codes = mean[:, None] + torch.exp(0.5 * log_variance)[:, None] * noise
            return posterior, codes, normal_log_prob(codes, mean[:, None], log_variance[:, None])
        further = noise.shape[1] - 1
        codes, density = posterior.code[:, None], posterior_log_prob(posterior)[:, None]
        if further:
            # The encoder has seen these images in the first pass already.
            with frozen_statistics(self.joint.encoder):
                others: Posterior = self.joint.encoder(images.repeat_interleave(further, 0), noise[:, 1:].flatten(0, 1))
            codes = torch.cat([codes, others.code.view(len(images), further, -1)], 1)
            density = torch.cat([density, posterior_log_prob(others).view(len(images), further)], 1)
        return posterior, at_least_single(codes), density

    def _log_weights(
        self,
        images: Tensor,
        codes: Tensor,
        log_posterior: Tensor,
        log_prior: Callable[[Tensor], Tensor],
        weight: Tensor | float,
    ) -> Tensor:
        """Log p(x|z) + weight (log p(z) - log q(z|x)), shape (N, M, K)."""
        draws = codes.shape[1]
        flat = codes.flatten(0, 1)
        log_likelihood = self.joint.log_likelihood(images.repeat_interleave(draws, 0), flat)
        divergence = log_posterior.flatten() - log_prior(flat)
        return (log_likelihood - weight * divergence).view(-1, self.groups, self.draws)
