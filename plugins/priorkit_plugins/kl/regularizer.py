"""The Kullback-Leibler regularizer."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints, kl_divergence

from priorkit.interfaces import Encoder, Posterior, Prior, Regularizer, Space

__all__ = ["KLRegularizer"]

_PAIRS = {
    Space.EVERYWHERE: "--encoder gaussian with --prior gaussian",
    Space.BALL: "--encoder wrapped-normal with --prior wrapped-normal",
    Space.SPHERE: "--encoder von-mises-fisher with --prior uniform-sphere or von-mises-fisher",
    Space.SIMPLEX: "--encoder logistic-normal or dirichlet with --prior dirichlet or logistic-normal",
    Space.ONE_HOT: "--encoder categorical with --prior categorical",
}
"""Encoders and priors that have codes there."""


class KLRegularizer(Regularizer):
    """KL(q(code|x) || p(code)) in nats, summed over the dimensions of a code and averaged over the batch.

    In closed form where posterior and prior are Gaussians with independent dimensions, or where the posterior has a
    `distribution` whose divergence from the prior's `torch.distributions` knows; otherwise the one-sample estimate
    log q(code|x) - log p(code), which may be negative.

    During the warm-up (Bowman et al. 2016, arXiv:1511.06349; Sonderby et al. 2016, arXiv:1602.02282) the weight rises
    linearly: 0 at the encoder's first update, its value from update `warm_up` + 1 on. Updates are those of the whole
    batch: every process of a run counts the same.

    Args:
        weight: Weight of the divergence.
        warm_up: Number of the encoder's updates over which the weight rises; 0 for none.
    """

    needs_prior_code = False
    # Where the prior takes one, its density of the image's own s counts.
    uses_condition = True
    updates: Tensor

    def __init__(self, weight: float = 1.0, warm_up: int = 0) -> None:
        super().__init__()
        self.weight = weight
        self.warm_up = warm_up
        if warm_up:
            # A tensor: saved with the run, and counted without waiting for the device.
            self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses deterministic encoders, priors without a density, and pairs whose divergence is infinite."""
        if not encoder.stochastic:
            raise ValueError("needs an encoder that gives a distribution; use --encoder gaussian")
        if not prior.has_density:
            raise ValueError(
                f"needs a prior with a density, and {type(prior).__name__} can only be sampled; "
                "use --regularizer adversarial or another prior, such as --prior gaussian"
            )
        if not prior.support.holds(encoder.support):
            there, here = prior.support, encoder.support
            pairs = dict.fromkeys((_PAIRS[there.space], _PAIRS[here.space]))
            raise ValueError(
                f"the divergence is infinite: the prior's codes are in {there}, and the encoder's in {here}; use "
                f"{', or '.join(pairs)}, {_alike(there.space, here.space)}or --regularizer mmd"
            )
        if _is_bounded(_distribution(prior)):
            raise ValueError(
                f"needs a prior whose density is nowhere 0, and that of {type(prior).__name__} is 0 outside of a box: "
                "every divergence from it would be infinite; use --regularizer adversarial or --prior gaussian"
            )

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`regularization`: the weighted divergence."""
        encoded, target = _independent_posterior(posterior), _independent_normal(prior)
        if encoded is not None and target is not None:
            divergence = kl_divergence(encoded, target)
        elif (known := _known_divergence(posterior, prior)) is not None:
            divergence = known
        else:
            code = posterior.code.float()
            density = prior.log_prob(code, condition) if prior.takes_condition else prior.log_prob(code)
            divergence = _log_prob(posterior, encoded) - density
        return {"regularization": self._current_weight() * divergence.mean()}

    def _current_weight(self) -> Tensor | float:
        if not self.warm_up:
            return self.weight
        weight = self.weight * (self.updates / self.warm_up).clamp(max=1)
        if self.training and torch.is_grad_enabled():
            self.updates.add_(1)
        return weight


def _alike(there: Space, here: Space) -> str:
    """What has to be the same of two supports of one kind."""
    if there is not here:
        return ""
    return "both of one curvature, " if there is Space.BALL else "both of as many groups, "


def _known_divergence(posterior: Posterior, prior: Prior) -> Tensor | None:
    """The divergence of a posterior that is one of torch's distributions, where there is a formula for it."""
    target = None if prior.takes_condition else _distribution(prior)
    if posterior.distribution is None or target is None:
        return None
    try:
        return kl_divergence(posterior.distribution, target)
    except NotImplementedError:
        return None


def _independent_posterior(posterior: Posterior) -> "Independent[Normal] | None":
    if posterior.log_variance is None:
        return None
    deviation = torch.exp(0.5 * posterior.log_variance.float())
    normal = Normal(posterior.mean.float(), deviation, validate_args=False)
    return Independent(normal, 1, validate_args=False)


def _log_prob(posterior: Posterior, encoded: Distribution | None) -> Tensor:
    if encoded is not None:
        found: Tensor = encoded.log_prob(posterior.code.float())
        return found
    if posterior.log_prob is None:
        raise ValueError(
            "needs the density of the encoder's codes, and this encoder gives neither log_variance nor log_prob; use "
            "--encoder gaussian, or --regularizer mmd or adversarial"
        )
    return posterior.log_prob.float()


def _distribution(prior: Prior) -> Distribution | None:
    try:
        return prior.distribution()
    except TypeError:
        return None


def _is_bounded(distribution: Distribution | None) -> bool:
    support = distribution.support if distribution is not None else None
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return isinstance(support, constraints.interval)


def _independent_normal(prior: Prior) -> "Independent[Normal] | None":
    distribution = _distribution(prior)
    if isinstance(distribution, Independent) and isinstance(distribution.base_dist, Normal):
        return distribution
    return None
