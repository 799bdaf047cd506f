"""Checks of priors that learn from codes."""

import torch
from torch import Tensor

from priorkit.interfaces import Learning
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["CODE_LEARNING"]

_STEPS, _BATCH = 600, 64
_RATE = 2e-2
_CENTRE, _DEVIATION = 2.0, 0.5


def code_noise_comes_from_the_generator(subject: PriorSubject) -> None:
    """`code_noise` draws from the given generator alone, and `code_loss` draws nothing."""
    prior = subject.component()
    if prior.learning is not Learning.CODES:
        raise NotApplicable("it does not learn from codes")
    with global_state_kept("code_noise"):
        first, again = (prior.code_noise(5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    require(
        first.shape[0] == 5 and first.dtype == torch.float32,
        f"code_noise(5) is {first.dtype} of shape {tuple(first.shape)}, not float32 of shape (5, ...)",
    )
    require(torch.equal(first, again), "the same generator gives different noise the second time")
    other = prior.code_noise(5, generator=torch.Generator().manual_seed(4))
    require(first.numel() == 0 or not torch.equal(first, other), "another seed gives the same noise")
    codes = torch.randn(5, subject.code_dim, generator=torch.Generator().manual_seed(5))
    if subject.of_indices:
        codes = torch.zeros(5, subject.code_dim, dtype=torch.int64)
    condition = subject.conditions(5) if prior.takes_condition else None
    with global_state_kept("code_loss"):
        prior.code_loss(codes, first, condition)


def learns_the_codes(subject: PriorSubject) -> None:
    """Training on `code_loss` moves the prior's codes most of the way to the given codes."""
    prior = subject.component()
    if prior.learning is not Learning.CODES:
        raise NotApplicable("it does not learn from codes")
    if subject.of_indices:
        raise NotApplicable("its codes are indices, which have no mean")
    prior.train()
    optimizer = torch.optim.Adam(prior.parameters(), _RATE)
    generator = torch.Generator().manual_seed(subject.case.seed)
    condition = subject.conditions(_BATCH) if prior.takes_condition else None

    def moments() -> tuple[float, float]:
        """Returns the distance of the means, and the standard deviation of the prior's codes."""
        with torch.no_grad():
            codes = subject.codes(prior, prior.noise(_BATCH, generator=generator), condition)
        return float((codes.mean(0) - _CENTRE).norm()), float(codes.std(0).mean())

    before, _ = moments()
    for _ in range(_STEPS):
        codes: Tensor = _CENTRE + _DEVIATION * torch.randn(_BATCH, subject.code_dim, generator=generator)
        loss = prior.code_loss(codes, prior.code_noise(_BATCH, generator=generator), condition)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    after, deviation = moments()
    require(
        # A prior that happens to start near cannot come nearer than its samples can tell.
        after < max(0.5 * before, 0.5 * _DEVIATION * subject.code_dim**0.5),
        f"after {_STEPS} steps the mean of its codes is {after:.3g} away from that of the codes it learned from; it "
        f"was {before:.3g} away before",
    )
    require(
        _DEVIATION / 4 < deviation < 4 * _DEVIATION,
        f"after {_STEPS} steps the standard deviation of its codes is {deviation:.3g}, but that of the codes it "
        f"learned from is {_DEVIATION}",
        "it learns the mean of the codes, but not their spread",
    )


CODE_LEARNING = (
    Check(
        "code_noise_comes_from_the_generator",
        code_noise_comes_from_the_generator,
        "the generator is ignored, or not passed to every call that draws",
        "pass `generator=generator` to torch.randn, torch.rand or torch.randint",
        required=False,
    ),
    Check(
        "learns_the_codes",
        learns_the_codes,
        "the loss does not depend on the given codes, or has the wrong sign",
        "return a scalar that is lowest if the prior's codes are distributed like the given codes",
        required=False,
    ),
)
