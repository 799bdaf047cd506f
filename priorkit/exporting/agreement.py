"""Checks that an exported file computes the same as torch."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.errors import ExportError

__all__ = ["Agreement", "require_agreement"]

_TOLERANCE = 1e-3
"""Largest allowed difference of numbers; multiplied by the outputs' standard deviation if that is above 1."""
_CHOICES = 0.1
"""Maximal share of outputs, for batches of each size, in which rounding may have led to another choice."""

Batches = Sequence[tuple[tuple[Tensor, ...], Tensor]]
"""Inputs, and torch's output for them."""


@dataclass(frozen=True)
class Agreement:
    """How well a file's outputs agree with torch's.

    Attributes:
        largest_difference: The largest absolute difference among outputs that agree.
        others: Number of outputs that are different choices, not differences of rounding.
        compared: Number of compared outputs.
    """

    largest_difference: float
    others: int
    compared: int


def require_agreement(
    run: Callable[[Sequence[Tensor]], Tensor], batches: Batches, *, choices: bool = False
) -> Agreement:
    """Checks that a file computes the same as torch.

    Args:
        run: Function that computes the file's output from its inputs.
        batches: Batches of several sizes.
        choices: Whether up to a tenth of the outputs, for each size of batches, may be different choices: a part that
            picks among codebook entries, components or candidates lets rounding decide between two that are almost
            equally near.

    Raises:
        ExportError: The outputs differ.
        Exception: The file cannot be run; the exception is that of the runtime.
    """
    expected = torch.cat([output for _, output in batches])
    scale = max(1.0, float(expected.double().std())) if expected.is_floating_point() and expected.numel() > 1 else 1.0
    differences = list(_differences(run, batches))
    apart = [~(each <= _TOLERANCE * scale) for each in differences]
    others, compared = Counter[int](), Counter[int]()
    for each in apart:
        others[len(each)] += int(each.sum())
        compared[len(each)] += len(each)
    share = _CHOICES if choices else 0.0
    wrong = [size for size in compared if others[size] > share * compared[size]]
    together, different = torch.cat(differences), torch.cat(apart)
    if wrong:
        sizes = f", in batches of {' and '.join(map(str, wrong))} alone" if len(wrong) < len(compared) else ""
        raise ExportError(
            f"the file's results differ from torch's: {others.total()} of {compared.total()} outputs differ"
            f"{sizes}, by up to {float(together.max()):.3g}"
        )
    return Agreement(float(together[~different].max()), others.total(), compared.total())


def _differences(run: Callable[[Sequence[Tensor]], Tensor], batches: Batches) -> Iterator[Tensor]:
    """Returns the largest difference of each output: float64 (n,) for each batch."""
    for inputs, expected in batches:
        found = run(inputs)
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise ExportError(
                f"the file gives {found.dtype} of shape {tuple(found.shape)} for a batch of {len(expected)}, but torch "
                f"{expected.dtype} of shape {tuple(expected.shape)}"
            )
        yield (found.double() - expected.double()).abs().flatten(1).amax(1)
