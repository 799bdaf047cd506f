"""Classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598): one field learns with and without s."""

import torch
from torch import Tensor

from priorkit_plugins.code_fields.field import CodeField

__all__ = ["guided", "with_dropout"]


def guided(field: CodeField, code: Tensor, time: Tensor, condition: Tensor | None, guidance: float) -> Tensor:
    """(1 + w) f(code, t, s) - w f(code, t), w the guidance: shape (N, code_dim), in the type of the codes (Eq. 6).

    Args:
        field: f; an s of zeros stands for no condition.
        code: Shape (N, code_dim).
        time: Shape (N,).
        condition: s, shape (N, condition_dim), or None for no guidance.
        guidance: At least 0.
    """
    if condition is None or guidance == 0:
        alone: Tensor = field(code, time, condition)
        return alone.to(code)
    conditions = torch.cat([condition, torch.zeros_like(condition)])
    both: Tensor = field(torch.cat([code, code]), torch.cat([time, time]), conditions)
    given, over_all = both.to(code).chunk(2)
    return given + guidance * (given - over_all)


def with_dropout(condition: Tensor | None, uniform: Tensor, dropout: float) -> Tensor | None:
    """Conditions (N, condition_dim), with zeros where a uniform number (N,) in [0, 1) is below the dropout."""
    if condition is None or dropout == 0:
        return condition
    return condition * (uniform >= dropout)[:, None]
