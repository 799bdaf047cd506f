"""Groups of one-hot vectors as a distribution of `torch.distributions`."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl

from priorkit.interfaces import Space, Support

__all__ = ["OneHotGroups"]

_ROUNDING = 0.02
"""Tolerance for the entries of a group: bfloat16 has two or three digits."""


class OneHotGroups(Distribution):
    """Independent groups, each of one class out of several: codes are their one-hot vectors, one after another.

    Args:
        logits: Logits of the classes, shape (N, groups, classes), or (groups, classes).
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(self, logits: Tensor) -> None:
        self.log_probabilities = logits.log_softmax(-1)
        self.codes = Support(Space.ONE_HOT, groups=logits.shape[-2])
        dim = logits.shape[-2] * logits.shape[-1]
        super().__init__(logits.shape[:-2], torch.Size([dim]), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability of codes (N, groups * classes), shape (N,); minus infinity for codes that are not one-hot."""
        found = (value * self.log_probabilities.flatten(-2)).sum(-1)
        return torch.where(self.codes.contains(value, _ROUNDING), found, -torch.inf)

    def one_hot(self, scores: Tensor) -> Tensor:
        """The codes (N, groups * classes) of the classes with the largest scores, (N, groups, classes)."""
        # torch's own one_hot reads values, which waits for a GPU.
        largest = scores.argmax(-1, keepdim=True)
        return torch.zeros_like(scores).scatter(-1, largest, 1.0).flatten(1)


@register_kl(OneHotGroups, OneHotGroups)  # type: ignore[no-untyped-call, untyped-decorator]
def _divergence(posterior: OneHotGroups, prior: OneHotGroups) -> Tensor:
    own = posterior.log_probabilities
    return (own.exp() * (own - prior.log_probabilities)).sum((-2, -1))
