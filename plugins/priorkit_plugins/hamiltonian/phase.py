"""The phase of Hamiltonian variational autoencoders."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from torch import Tensor

from priorkit.interfaces import Move, Noise, Phase, Posterior, frozen_statistics
from priorkit_plugins.divergence import posterior_log_prob
from priorkit_plugins.hamiltonian.leapfrog import Leapfrog
from priorkit_plugins.joint_density import JointDensity
from priorkit_plugins.single_precision import at_least_single

__all__ = ["HamiltonianPhase"]


class HamiltonianPhase(Phase):
    """Maximises a bound on log p(x), with codes that leapfrog steps move towards p(z|x) (Caterini et al. 2018).

    The encoder draws z_0, momenta rho_0 come from N(0, I / beta_0), and K tempered leapfrog steps along the gradient of
    log p(x, z) give z_K and rho_K. Everything is trained by

        log p(x, z_K) + log N(rho_K; 0, I) - log q(z_0|x) - log N(gamma; 0, I),

    a mean over the batch in nats, where gamma is the standard normal noise of rho_0. The paper replaces the last term
    by its mean, which has the same expectation.

    Gradients flow through the steps, which needs second derivatives of the decoder and the prior's density. The phase
    has a network `leapfrog`, which only training uses: images are encoded by q(z_0|x).

    Args:
        joint: log p(x, z) of the system.
        leapfrog: The steps.
        reconstruction_weight: Factor of the decoder's gradient.
    """

    name = "hamiltonian"
    # The leapfrog steps use gradients of the decoder.
    differentiates_twice = ("decoder", "leapfrog")

    def __init__(self, joint: JointDensity, leapfrog: Leapfrog, reconstruction_weight: float = 1.0) -> None:
        self.joint = joint
        self.leapfrog = leapfrog
        self.networks = {"leapfrog": leapfrog}
        self.players = {"autoencoder": ("encoder", *joint.generative, "leapfrog")}
        self.gradient_scale = {"decoder": reconstruction_weight}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`posterior` and `momentum`, (n, code_dim) each; `condition` (n, dim) if it is random."""
        size = (n, self.joint.encoder.code_dim)
        drawn = {name: torch.randn(size, generator=generator, device=device) for name in ("posterior", "momentum")}
        return {**drawn, **self.joint.noise(n, generator, device)}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The autoencoder's move, which also trains the leapfrog steps."""
        posterior: Posterior = self.joint.encoder(images, noise["posterior"])
        bound = self.log_weights(images, posterior, noise["momentum"], self.joint.density(noise))
        terms = {"negative_bound": -bound.mean(), **posterior.terms, **self.joint.prior_terms()}
        yield Move("autoencoder", terms, self.gradient_scale)

    def log_weights(
        self, images: Tensor, posterior: Posterior, noise: Tensor, log_prior: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The bound from one draw for each image, in nats, shape (N,); the expectation of its exponential is p(x).

        Args:
            images: Shape (N, C, H, W).
            posterior: The images' posterior, whose codes are z_0.
            noise: Noise of the momenta, standard normal (N, code_dim).
            log_prior: Returns log p(z), (N,), of codes (N, code_dim).
        """
        weight = self.joint.weight()
        found: list[Tensor] = []

        def gradient(codes: Tensor) -> Tensor:
            # The decoder sees codes of several steps; one pass is enough for its running statistics.
            with frozen_statistics(self.joint.system.decoder) if found else nullcontext():
                log_joint = self.joint.log_likelihood(images, codes) + weight * log_prior(codes)
            found.append(log_joint)
            (slope,) = torch.autograd.grad(log_joint.sum(), codes, create_graph=True)
            return slope

        first = self.leapfrog.first_momentum(noise)
        _, momentum = self.leapfrog(at_least_single(posterior.code), first, gradient)
        kinetic = 0.5 * (noise.square() - momentum.square()).sum(1)
        bound: Tensor = found[-1] - weight * posterior_log_prob(posterior) + kinetic
        return bound
