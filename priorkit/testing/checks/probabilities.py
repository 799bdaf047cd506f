"""Checks of priors of indices: probabilities add up to 1, are those of the samples, and are learned from codes.

If there are few codes, the probabilities of all are added up. A sound prior fails the chi-square test of its samples
with a probability below 1e-7; seeds are fixed, so a check that passes once always passes.
"""

import scipy.stats
import torch
from torch import Tensor

from priorkit.interfaces import Learning, Prior
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["PROBABILITIES"]

_SAMPLES = 20_000
_MOST_CODES = 4096
_ERROR_RATE = 1e-7
_STEPS, _BATCH = 400, 64
_RATE = 1e-2
_SHARE = 0.9
"""Share of the frequent code among the training codes; the others are random."""


def _prior_of_indices(subject: PriorSubject) -> Prior:
    prior = subject.component()
    if not subject.of_indices:
        raise NotApplicable("its codes are not indices")
    return prior


def samples_are_indices(subject: PriorSubject) -> None:
    """Codes are integers from 0 to the last entry of the codebook, also for noise at the ends of its range."""
    prior = _prior_of_indices(subject)
    inputs = subject.inputs(prior, 512, subject.case.seed)
    condition = subject.condition(prior, inputs)
    noise = inputs["noise"]
    ends = (noise, torch.full_like(noise, float(noise.min())), torch.full_like(noise, float(noise.max())))
    for given in ends:
        with torch.no_grad():
            codes = subject.codes(prior, given, condition)
        require(
            not codes.is_floating_point() and 0 <= int(codes.min()) <= int(codes.max()) < subject.space.entries,
            f"codes are {codes.dtype} from {float(codes.min()):g} to {float(codes.max()):g}, but the codebook has "
            f"{subject.space.entries} entries",
        )


def _all_codes(subject: PriorSubject) -> Tensor:
    """Returns every code, int64 (codes, code_dim), in the order of `_numbers`."""
    if subject.space.entries**subject.code_dim > _MOST_CODES:
        raise NotApplicable(f"there are more than {_MOST_CODES} codes")
    return torch.cartesian_prod(*[torch.arange(subject.space.entries)] * subject.code_dim).view(-1, subject.code_dim)


def _numbers(codes: Tensor, entries: int) -> Tensor:
    """Returns the positions of codes (N, code_dim) in `_all_codes`."""
    powers = entries ** torch.arange(codes.shape[1] - 1, -1, -1)
    return (codes * powers).sum(1)


def probabilities_are_those_of_the_samples(subject: PriorSubject) -> None:
    """The probabilities of all codes add up to 1, and samples follow them, for each class."""
    prior = _prior_of_indices(subject)
    if not prior.has_density:
        raise NotApplicable("it has no probabilities")
    codes = _all_codes(subject)
    for label in range(subject.classes or 1) if prior.takes_condition else [None]:
        words = "" if label is None else f" of class {label}"
        shares = subject.log_density(prior, codes, label).exp()
        total = float(shares.sum())
        require(
            abs(total - 1) < 1e-3,
            f"the probabilities of all codes{words} add up to {total:.4g}, not to 1",
            "log_prob is not the sum over a code's indices of the log-probability of each given those before it",
            "add up a log-softmax over the entries for each index",
        )
        drawn = subject.draw(prior, _SAMPLES, subject.case.seed + 1, label)
        counts = torch.bincount(_numbers(drawn, subject.space.entries), minlength=len(codes)).double()
        expected = shares / total * _SAMPLES
        few = expected < 10
        found = torch.cat([counts[~few], counts[few].sum()[None]])
        wanted = torch.cat([expected[~few], expected[few].sum()[None]])
        if float(wanted[-1]) < 10 and len(wanted) > 1:
            found = torch.cat([found[:-2], found[-2:].sum()[None]])
            wanted = torch.cat([wanted[:-2], wanted[-2:].sum()[None]])
        if len(wanted) < 2:
            continue
        value = float(scipy.stats.chisquare(found.numpy(), (wanted * found.sum() / wanted.sum()).numpy()).pvalue)
        require(
            value > _ERROR_RATE,
            f"samples{words} do not follow the probabilities of log_prob (chi-square test of {_SAMPLES} "
            f"samples: p = {value:.1g})",
        )


def learns_the_indices(subject: PriorSubject) -> None:
    """After learning from codes of which most are equal, the prior draws that code nearly as often.

    The prior learns by `code_loss` or by `fit_codes`.
    """
    prior = _prior_of_indices(subject)
    if prior.learning not in (Learning.CODES, Learning.ALL_CODES):
        raise NotApplicable("it does not learn from codes")
    prior.train()
    generator = torch.Generator().manual_seed(subject.case.seed)
    condition = subject.conditions(_BATCH) if prior.takes_condition else None
    frequent = torch.arange(subject.code_dim) % 2

    def share() -> float:
        """Returns the share of the frequent code among the prior's codes."""
        with torch.no_grad():
            drawn = torch.cat(
                [subject.codes(prior, prior.noise(_BATCH, generator=generator), condition) for _ in range(8)]
            )
        return float((drawn == frequent).all(1).float().mean())

    def codes(n: int) -> Tensor:
        others = torch.randint(subject.space.entries, (n, subject.code_dim), generator=generator)
        return torch.where(torch.rand(n, 1, generator=generator) > _SHARE, others, frequent)

    before = share()
    if prior.learning is Learning.CODES:
        words = f"{_STEPS} steps on codes"
        optimizer = torch.optim.Adam(prior.parameters(), _RATE)
        for _ in range(_STEPS):
            loss = prior.code_loss(codes(_BATCH), prior.code_noise(_BATCH, generator=generator), condition)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    else:
        words = "a fit to codes"
        with torch.no_grad():
            prior.fit_codes(
                codes(_STEPS * _BATCH),
                prior.code_noise(_STEPS * _BATCH, generator=generator),
                subject.conditions(_STEPS * _BATCH) if prior.takes_condition else None,
            )
    after = share()
    require(
        after > 0.5 * (_SHARE + before) - 0.1,
        f"after {words} of which a share of {_SHARE:.3g} was the same code, that code's share of its samples is "
        f"{after:.3g}; it was {before:.3g} before",
    )


PROBABILITIES = (
    Check(
        "samples_are_indices",
        samples_are_indices,
        "the index exceeds the last entry if uniform noise reaches the sum of all probabilities, which rounds below 1",
        "clamp indices to the codebook: `.clamp(max=entries - 1)`",
        required=False,
    ),
    Check(
        "probabilities_are_those_of_the_samples",
        probabilities_are_those_of_the_samples,
        "forward and log_prob disagree: an index is shifted, or conditioned on other indices",
        "compute both from the same logits, one position after the other",
        required=False,
    ),
    Check(
        "learns_the_indices",
        learns_the_indices,
        "the loss does not depend on the given codes, or has the wrong sign",
        "return minus the mean log-probability of the codes",
        required=False,
    ),
)
