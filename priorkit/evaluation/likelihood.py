"""Bounds on the likelihood of held-out images, and their terms."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.interfaces import Posterior

__all__ = ["Surgery", "active_units", "elbo", "elbo_surgery", "gaussian_log_prob", "importance_weighted_bound"]

_ROWS = 1000
"""Number of rows of a matrix of log-densities computed at a time."""


def gaussian_log_prob(code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log N(code; mean, diag(exp(log_variance))) in nats, summed over the last dimension; float64.

    Args:
        code: Shape (..., code_dim).
        mean: Shape (..., code_dim).
        log_variance: Shape (..., code_dim).
    """
    variance = log_variance.double().exp()
    scaled = (code.double() - mean.double()).square() / variance
    return -0.5 * (scaled + log_variance.double() + math.log(2 * math.pi)).sum(-1)


def elbo(log_weights: Tensor) -> Tensor:
    """The evidence lower bound of each image: E_q log p(x, z) / q(z|x), in nats, shape (N,).

    Args:
        log_weights: log p(x|z) + log p(z) - log q(z|x) of K draws z from q(z|x), shape (N, K).

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import elbo
        >>> elbo(torch.tensor([[-100.0, -104.0], [-90.0, -90.0]]))
        tensor([-102.,  -90.], dtype=torch.float64)
    """
    return log_weights.double().mean(1)


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """Log (1/K) sum_k p(x, z_k) / q(z_k|x) of each image, in nats, shape (N,) (Burda et al. 2015, arXiv:1509.00519).

    At least the ELBO of the same draws. Its expectation approaches log p(x) from below as K grows.

    Args:
        log_weights: log p(x|z) + log p(z) - log q(z|x) of K draws z from q(z|x), shape (N, K).

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import importance_weighted_bound
        >>> importance_weighted_bound(torch.tensor([[-100.0, -104.0], [-90.0, -90.0]])).round(decimals=2)
        tensor([-100.6700,  -90.0000], dtype=torch.float64)
    """
    return torch.logsumexp(log_weights.double(), 1) - math.log(log_weights.shape[1])


def active_units(means: Tensor, threshold: float = 0.01) -> int:
    """Number of code dimensions whose posterior mean varies over the images (Burda et al. 2015, arXiv:1509.00519).

    Args:
        means: Posterior means of N images, shape (N, code_dim), N at least 2.
        threshold: The variance above which a dimension counts as active.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import active_units
        >>> active_units(torch.tensor([[-1.0, 0.5, 0.0], [1.0, 0.5, 0.0], [0.0, 0.5, 0.3]]))
        2
    """
    return int((means.double().var(0) > threshold).sum())


@dataclass(frozen=True)
class Surgery:
    """The terms of the ELBO in nats (Hoffman and Johnson 2016, ELBO surgery).

    ELBO = reconstruction - mutual_information - marginal_divergence.

    Attributes:
        reconstruction: E log p(x|z).
        mutual_information: Mutual information of a code and the index of its image: E log q(z|x_n) / q(z), where q(z)
            is the mean of the images' posteriors. At most `most_information`.
        most_information: log N, where N is the number of images.
        marginal_divergence: KL(q(z) || p(z)): what a better prior could gain at most.
    """

    reconstruction: float
    mutual_information: float
    most_information: float
    marginal_divergence: float


def elbo_surgery(posterior: Posterior, log_likelihood: Tensor, prior_log_prob: Callable[[Tensor], Tensor]) -> Surgery:
    """Estimates the terms of the ELBO of N images, by one draw from each posterior.

    Args:
        posterior: The images' posteriors and draws, with log-variances.
        log_likelihood: log p(x|z) of the draws in nats, shape (N,).
        prior_log_prob: A function from codes (N, code_dim) to log p(z) in nats, (N,).

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import elbo_surgery
        >>> from priorkit.interfaces import Posterior
        >>> mean = torch.tensor([[-1.0], [1.0]])
        >>> posterior = Posterior(code=mean, mean=mean, log_variance=torch.full_like(mean, -8))
        >>> prior = torch.distributions.Normal(0, 1)
        >>> found = elbo_surgery(posterior, torch.tensor([-50.0, -60.0]), lambda codes: prior.log_prob(codes).sum(1))
        >>> found.reconstruction, round(found.mutual_information, 3), round(found.most_information, 3)
        (-55.0, 0.693, 0.693)
    """
    assert posterior.log_variance is not None, "a deterministic encoder has no density"
    code, mean, log_variance = (item.double() for item in (posterior.code, posterior.mean, posterior.log_variance))
    n = len(code)
    own = gaussian_log_prob(code, mean, log_variance)
    precision = (-log_variance).exp()
    # -2 log N(z; m, v) = sum z^2/v - 2 z m/v + m^2/v + log v + log 2 pi: three products of matrices for all pairs.
    constant = (mean.square() * precision + log_variance + math.log(2 * math.pi)).sum(1)
    parts = []
    for part in torch.split(code, _ROWS):
        pairs = -0.5 * (part.square() @ precision.T - 2 * part @ (mean * precision).T + constant)
        parts.append(torch.logsumexp(pairs, 1))
    aggregated = torch.cat(parts) - math.log(n)
    return Surgery(
        reconstruction=float(log_likelihood.double().mean()),
        mutual_information=float((own - aggregated).mean()),
        most_information=math.log(n),
        marginal_divergence=float((aggregated - prior_log_prob(posterior.code).double().to(own.device)).mean()),
    )
