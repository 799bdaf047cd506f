"""Priors of indices: whether probabilities are some, those of the samples, and learned from codes.

Where there are few codes, the probabilities of all are added up. Samples are compared with them by a chi-square test
that a sound prior fails with a probability below 1e-7; seeds are fixed, so that a check that passes goes on passing.
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
"""Share of the code that a prior is to learn; the rest are random ones."""


def _prior_of_indices(subject: PriorSubject) -> Prior:
    prior = subject.component()
    if not subject.of_indices:
        raise NotApplicable("its codes are no indices")
    return prior


def samples_are_indices(subject: PriorSubject) -> None:
    """Codes are whole numbers from 0 to the codebook's last, for noise at the ends of its range too."""
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
            f"codes are {codes.dtype} from {float(codes.min()):g} to {float(codes.max()):g}, and the codebook has "
            f"{subject.space.entries} entries",
        )


def _all_codes(subject: PriorSubject) -> Tensor:
    """Every code, int64 (codes, code_dim), in the order of `_numbers`."""
    if subject.space.entries**subject.code_dim > _MOST_CODES:
        raise NotApplicable(f"there are more than {_MOST_CODES} codes")
    return torch.cartesian_prod(*[torch.arange(subject.space.entries)] * subject.code_dim).view(-1, subject.code_dim)


def _numbers(codes: Tensor, entries: int) -> Tensor:
    """The places of codes (N, code_dim) among all codes."""
    powers = entries ** torch.arange(codes.shape[1] - 1, -1, -1)
    return (codes * powers).sum(1)


def probabilities_are_those_of_the_samples(subject: PriorSubject) -> None:
    """The probabilities of all codes add up to 1, and samples are drawn with them, for each class."""
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
            "log_prob is not the sum of the log-probabilities of all indices of a code, each given those before it",
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
            f"samples{words} are not drawn with the probabilities that log_prob says (chi-square test of {_SAMPLES} "
            f"samples: p = {value:.1g})",
        )


def learns_the_indices(subject: PriorSubject) -> None:
    """Learning from codes most of which are one and the same brings that one's share near theirs.

    By descending `code_loss`, or by `fit_codes`.
    """
    prior = _prior_of_indices(subject)
    if prior.learning not in (Learning.CODES, Learning.ALL_CODES):
        raise NotApplicable("it does not learn from codes")
    prior.train()
    generator = torch.Generator().manual_seed(subject.case.seed)
    condition = subject.conditions(_BATCH) if prior.takes_condition else None
    frequent = torch.arange(subject.code_dim) % 2

    def share() -> float:
        """How many of the prior's own codes are the frequent one."""
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
        f"after {words} of which a share of {_SHARE:.3g} was the same, that share of its own codes is {after:.3g}, and "
        f"was {before:.3g} at first",
    )


PROBABILITIES = (
    Check(
        "samples_are_indices",
        samples_are_indices,
        "the last entry is passed where uniform noise reaches the sum of all probabilities, which rounds below 1",
        "clamp indices to the codebook: `.clamp(max=entries - 1)`",
        required=False,
    ),
    Check(
        "probabilities_are_those_of_the_samples",
        probabilities_are_those_of_the_samples,
        "forward and log_prob disagree: an index is shifted, or conditioned on others",
        "compute both from the same logits, place after place",
        required=False,
    ),
    Check(
        "learns_the_indices",
        learns_the_indices,
        "the loss is of something else than the codes it is given, or has the wrong sign",
        "return minus the mean log-probability of the codes",
        required=False,
    ),
)
