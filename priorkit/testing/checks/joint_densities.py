"""Checks of densities in many dimensions, and of densities over all classes."""

import scipy.optimize
import scipy.stats
import torch

from priorkit.interfaces import Prior
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.clipping import piled
from priorkit.testing.checks.measures import VOLUMES
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["JOINT_DENSITIES"]

_SAMPLES = 40_000
_PILED = 100
"""Samples that share the largest or smallest value: another check reports that they are clipped."""
_TAIL = 6.0
"""Number of standard errors beyond which an estimate counts as wrong; a sound prior exceeds it once in 10^8."""
_UNLIKELY = 1e8
"""Bound on a mean that is 1 on average; a sound prior exceeds it less than once in 10^8 times."""
_ROUGH = 0.05
"""Relative standard error beyond which an integral is too imprecise to judge."""


def _prior_with_density(subject: PriorSubject) -> Prior:
    prior = subject.component()
    if not prior.has_density:
        raise NotApplicable("it has no density")
    if subject.of_indices:
        raise NotApplicable("its codes are indices, which have probabilities")
    if prior.support.space not in VOLUMES:
        raise NotApplicable("its density is with respect to another measure than volume; another check covers it")
    return prior


def densities_hold_in_many_dimensions(subject: PriorSubject) -> None:
    """In three dimensions and more, the density integrates to 1 with the samples' variance (importance sampling)."""
    prior = _prior_with_density(subject)
    if subject.code_dim < 3:
        raise NotApplicable("fewer dimensions are integrated over a grid")
    label = 0 if prior.takes_condition else None
    drawn = subject.draw(prior, _SAMPLES, subject.case.seed + 1, label).double()
    if piled(drawn, _PILED) is not None:
        raise NotApplicable("its samples are clipped")
    mean, spread = drawn.mean(dim=0), drawn.std(dim=0)
    # With a few samples far away, the standard deviation says little about the density.
    if bool((drawn.quantile(0.75, dim=0) - drawn.quantile(0.25, dim=0) < 0.4 * spread).any()):
        raise NotApplicable("its tails are too heavy for importance sampling")
    # The mean over samples of any density divided by the prior's is at most 1, so it is hardly ever large (Markov).
    narrow = scipy.stats.multivariate_normal(mean.numpy(), 0.25 * torch.cov(drawn.T).numpy())
    ratios = (torch.from_numpy(narrow.logpdf(drawn.numpy())) - subject.log_density(prior, drawn.float(), label)).exp()
    require(
        float(ratios.mean()) < _UNLIKELY,
        f"samples lie where the density is close to 0, in {subject.code_dim} dimensions",
    )
    # A Student-t distribution, with heavier tails than most priors.
    around = scipy.stats.multivariate_t(mean.numpy(), torch.cov(drawn.T).numpy(), df=3, seed=subject.case.seed)
    codes = torch.from_numpy(around.rvs(_SAMPLES))
    ratios = (subject.log_density(prior, codes.float(), label) - torch.from_numpy(around.logpdf(codes))).exp()
    total, error = float(ratios.mean()), float(ratios.std()) / _SAMPLES**0.5
    if not error < _ROUGH * total:
        raise NotApplicable("its density differs too much from a bell for importance sampling")
    require(
        abs(total - 1) < _TAIL * error + 0.01,
        f"the density integrates to {total:.4g} +- {error:.2g}, not to 1",
        "the constant of one dimension is counted for too few or too many dimensions",
        "multiply the log-normaliser of one dimension by the number of dimensions",
    )
    for i in range(subject.code_dim):
        squares = ratios * (codes[:, i] - mean[i]).square()
        dense, dense_error = float(squares.mean() / total), float(squares.std()) / total / _SAMPLES**0.5
        sampled = (drawn[:, i] - mean[i]).square()
        sampled_error = float(sampled.std()) / _SAMPLES**0.5
        require(
            abs(dense - float(sampled.mean())) < _TAIL * (dense_error + sampled_error) + 0.01 * dense,
            f"samples have deviation {float(sampled.mean()) ** 0.5:.3g} in dimension {i} of {subject.code_dim}, "
            f"but the density has {dense**0.5:.3g}",
        )


def joint_densities(subject: PriorSubject) -> None:
    """`distribution`, if implemented, has codes as events and the density of `log_prob`."""
    prior = _prior_with_density(subject)
    if prior.takes_condition and not subject.classes:
        raise NotApplicable("only classes have a distribution over all conditions")
    try:
        distribution = prior.distribution()
    except TypeError as error:
        raise NotApplicable("it has no torch distribution") from error
    require(
        tuple(distribution.event_shape) == (subject.code_dim,),
        f"the event shape of distribution() is {tuple(distribution.event_shape)}, not ({subject.code_dim},)",
        "its dimensions are separate distributions",
        "join them with torch.distributions.Independent(..., 1)",
    )
    code = subject.inputs(prior, 16, subject.case.seed)["code"]
    with torch.no_grad():
        expected, found = distribution.log_prob(code), prior.log_prob(code)
    require(
        torch.allclose(found, expected, rtol=1e-4, atol=1e-4),
        f"log_prob and distribution().log_prob are up to {float((found - expected).abs().max()):.3g} nats apart",
    )


def densities_over_all_classes(subject: PriorSubject) -> None:
    """Without a condition, the density is a mixture of the classes' densities, with a positive weight for each."""
    prior = _prior_with_density(subject)
    if not (prior.takes_condition and subject.classes):
        raise NotApplicable("it takes no classes")
    code = subject.inputs(prior, 32, subject.case.seed)["code"]
    try:
        with torch.no_grad():
            found = prior.log_prob(code).double()
    except ValueError as error:
        raise NotApplicable(f"it has no density over all classes: {' '.join(str(error).split())}") from error
    each = torch.stack([subject.log_density(prior, code, label) for label in range(subject.classes)], dim=1)
    # The classes' probabilities, solved from the densities of the classes and of the mixture at these codes.
    largest = each.max(dim=1, keepdim=True).values
    shares, residual = scipy.optimize.nnls((each - largest).exp().numpy(), (found - largest[:, 0]).exp().numpy())
    words = ", ".join(f"{share:.3g}" for share in shares)
    require(
        residual < 1e-3,
        f"without a condition, log_prob is not a mixture of the classes' densities (the closest has weights {words})",
    )
    require(abs(shares.sum() - 1) < 1e-2, f"the classes' weights ({words}) add up to {shares.sum():.3g}, not to 1")
    require(shares.min() > 1e-6, f"the weights of the classes are {words}: the density ignores some classes")


JOINT_DENSITIES = (
    Check(
        "densities_hold_in_many_dimensions",
        densities_hold_in_many_dimensions,
        "forward and log_prob disagree, or a factor is applied to the first dimensions alone",
        "compare both with the same distribution of torch.distributions, in several dimensions",
        required=False,
    ),
    Check(
        "densities_over_all_classes",
        densities_over_all_classes,
        "no condition is treated as one class, or the classes' densities are added up without weights",
        "average the classes' densities with their probabilities, in the log domain; or refuse with a ValueError",
        required=False,
    ),
    Check(
        "joint_densities",
        joint_densities,
        "distribution() has other parameters than log_prob",
        "compute one from the other",
        required=False,
    ),
)
