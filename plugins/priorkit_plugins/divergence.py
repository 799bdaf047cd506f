"""The Kullback-Leibler divergence of posteriors from the prior, a term of several regularizers."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints, kl_divergence

from priorkit.interfaces import Encoder, Posterior, Prior, Space
from priorkit_plugins.single_precision import at_least_single

__all__ = [
    "divergences",
    "independent_normal",
    "normal_posterior",
    "posterior_log_prob",
    "prior_log_prob",
    "require_divergence",
]

_PAIRS = {
    Space.EVERYWHERE: "--encoder gaussian with --prior gaussian",
    Space.BALL: "--encoder wrapped-normal with --prior wrapped-normal",
    Space.SPHERE: "--encoder von-mises-fisher with --prior uniform-sphere or von-mises-fisher",
    Space.SIMPLEX: "--encoder logistic-normal or dirichlet with --prior dirichlet or logistic-normal",
    Space.ONE_HOT: "--encoder categorical with --prior categorical",
}
"""Encoders and priors for each kind of support, for error messages."""


def require_divergence(encoder: Encoder, prior: Prior) -> None:
    """Checks that the divergence of posteriors from the prior is defined and finite.

    Raises:
        ValueError: The encoder is deterministic, the prior has no density, or the divergence is infinite.
    """
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
            f"needs a prior with a density above 0 everywhere; that of {type(prior).__name__} is 0 outside of a box: "
            "every divergence from it would be infinite; use --regularizer adversarial or --prior gaussian"
        )


def divergences(posterior: Posterior, prior: Prior, condition: Tensor | None = None) -> Tensor:
    """KL(q(code|x) || p(code)) in nats of each image, float32 (N,), summed over the dimensions of a code.

    In closed form if posterior and prior are Gaussians with independent dimensions, or if `torch.distributions` has a
    formula for the posterior's `distribution` and the prior's; otherwise the one-sample estimate log q(code|x) - log
    p(code), which may be negative.

    Raises:
        ValueError: The posterior has no density.
    """
    encoded, target = normal_posterior(posterior), independent_normal(prior)
    if encoded is not None and target is not None:
        return kl_divergence(encoded, target)
    if (known := _known_divergence(posterior, prior)) is not None:
        return known
    density = prior_log_prob(posterior, prior, condition)
    return posterior_log_prob(posterior) - density


def _alike(there: Space, here: Space) -> str:
    """The parameter in which two supports of the same kind must agree, for error messages."""
    if there is not here:
        return ""
    return "both of one curvature, " if there is Space.BALL else "both of as many groups, "


def _known_divergence(posterior: Posterior, prior: Prior) -> Tensor | None:
    """The divergence of a posterior with a `torch.distributions` object, if there is a formula for it."""
    target = None if prior.takes_condition else _distribution(prior)
    if posterior.distribution is None or target is None:
        return None
    try:
        return kl_divergence(posterior.distribution, target)
    except NotImplementedError:
        return None


def prior_log_prob(posterior: Posterior, prior: Prior, condition: Tensor | None) -> Tensor:
    """Log p(code) or log p(code | s) of the draws, in nats (N,)."""
    code = at_least_single(posterior.code)
    return prior.log_prob(code, condition) if prior.takes_condition else prior.log_prob(code)


def posterior_log_prob(posterior: Posterior) -> Tensor:
    """Log q(code | x) of the draws, in nats (N,).

    Raises:
        ValueError: The posterior has no density.
    """
    encoded = normal_posterior(posterior)
    if encoded is not None:
        found: Tensor = encoded.log_prob(posterior.code.float())  # type: ignore[no-untyped-call]
        return found
    if posterior.log_prob is None:
        raise ValueError(
            "needs the density of the encoder's codes, and this encoder gives neither log_variance nor log_prob; use "
            "--encoder gaussian, or --regularizer mmd or adversarial"
        )
    return posterior.log_prob.float()


def normal_posterior(posterior: Posterior) -> "Independent[Normal] | None":
    """The posterior as normal distributions with independent dimensions; None if it is not that."""
    if posterior.log_variance is None:
        return None
    deviation = torch.exp(0.5 * posterior.log_variance.float())
    normal = Normal(posterior.mean.float(), deviation, validate_args=False)
    return Independent(normal, 1, validate_args=False)


def independent_normal(prior: Prior) -> "Independent[Normal] | None":
    """The prior as a normal distribution with independent dimensions; None if it is not one."""
    distribution = _distribution(prior)
    if isinstance(distribution, Independent) and isinstance(distribution.base_dist, Normal):
        return distribution
    return None


def _distribution(prior: Prior) -> Distribution | None:
    try:
        return prior.distribution()
    except TypeError:
        return None


def _is_bounded(distribution: Distribution | None) -> bool:
    try:
        support = distribution.support if distribution is not None else None
    except NotImplementedError:
        # Distributions need not implement this.
        return False
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return isinstance(support, constraints.interval)
