"""Checks of priors that are fitted to all codes at once."""

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Prior
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["CODE_FITTING"]

_CODES = 4000
_CENTRE, _DEVIATION = 2.0, 0.5


def _fitted(subject: PriorSubject, prior: Prior, seed: int = 0) -> Tensor | None:
    """Fits a prior to normal codes, or to random indices. Returns their condition if it takes one."""
    if prior.learning is not Learning.ALL_CODES:
        raise NotApplicable("it does not learn from all codes at once")
    generator = torch.Generator().manual_seed(subject.case.seed + seed)
    if subject.of_indices:
        codes = torch.randint(subject.space.entries, (_CODES, subject.code_dim), generator=generator)
    else:
        codes = _CENTRE + _DEVIATION * torch.randn(_CODES, subject.code_dim, generator=generator)
    condition = subject.conditions(_CODES) if prior.takes_condition else None
    noise = prior.code_noise(_CODES, generator=generator)
    with torch.no_grad(), global_state_kept("fit_codes"):
        prior.fit_codes(codes, noise, condition)
    return condition


def fits_itself_to_the_codes(subject: PriorSubject) -> None:
    """After `fit_codes`, the prior's codes have the mean and standard deviation of the given codes."""
    prior = subject.component()
    if subject.of_indices and prior.learning is Learning.ALL_CODES:
        raise NotApplicable("its codes are indices, which have no mean")
    condition = _fitted(subject, prior)
    generator = torch.Generator().manual_seed(subject.case.seed + 1)
    with torch.no_grad():
        codes = subject.codes(prior, prior.noise(_CODES, generator=generator), condition)
    away = float((codes.mean(0) - _CENTRE).norm())
    require(
        away < 0.5 * _DEVIATION * subject.code_dim**0.5,
        f"the mean of its codes is {away:.3g} away from the mean of the codes that it was fitted to",
    )
    deviation = float(codes.std(0).mean())
    require(
        _DEVIATION / 2 < deviation < 2 * _DEVIATION,
        f"the standard deviation of its codes is {deviation:.3g}, but that of the codes that it was fitted to is "
        f"{_DEVIATION}",
        "it learns the mean of the codes, but not their spread",
    )


def fits_itself_in_place(subject: PriorSubject) -> None:
    """`fit_codes` updates the prior's tensors in place, and the same codes and noise give the same prior."""
    prior, other = subject.component(), subject.component()
    before = {key: value.data_ptr() for key, value in prior.state_dict().items()}
    for each in (prior, other):
        _fitted(subject, each)
    found = prior.state_dict()
    for key, place in before.items():
        require(key in found, f"{key!r} no longer exists after the fit")
        require(found[key].data_ptr() == place, f"{key!r} is another tensor after the fit")
    for key, value in other.state_dict().items():
        require(torch.equal(found[key], value), f"{key!r} differs between two fits to the same codes", _DRAWS, _DRAW)


_DRAWS = "randomness comes from somewhere else than the noise"
_DRAW = "draw in `code_noise`, from the given generator"

CODE_FITTING = (
    Check(
        "fits_itself_to_the_codes",
        fits_itself_to_the_codes,
        "the fitted values are not written to the tensors from which codes are made",
        "copy the fitted values into buffers or parameters: `self.mean.copy_(...)`",
        required=False,
    ),
    Check(
        "fits_itself_in_place",
        fits_itself_in_place,
        "a buffer is replaced by a new tensor, while others that share it keep the old one",
        "write `self.mean.copy_(value)` instead of `self.mean = value`",
        required=False,
    ),
)
