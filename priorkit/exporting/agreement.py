"""Whether what a file computes is what torch computes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.errors import ExportError

__all__ = ["Agreement", "require_agreement"]

_TOLERANCE = 1e-3
"""How far numbers may be apart, as a part of the outputs' deviation where that is above 1."""
_CHOICES = 0.1
"""Share of the outputs that rounding may have given another choice, of batches of each size."""

Batches = Sequence[tuple[tuple[Tensor, ...], Tensor]]
"""Inputs, and what torch makes of them."""


@dataclass(frozen=True)
class Agreement:
    """How well what a file computes agrees with what torch does.

    Attributes:
        largest_difference: The largest absolute difference among outputs that agree.
        others: How many outputs are others.
        compared: How many outputs were compared.
    """

    largest_difference: float
    others: int
    compared: int


def require_agreement(
    run: Callable[[Sequence[Tensor]], Tensor], batches: Batches, *, choices: bool = False
) -> Agreement:
    """Makes sure that a file computes what torch does.

    Args:
        run: Computes the file's output from its inputs.
        batches: Batches of several sizes.
        choices: Whether a tenth of the outputs, of batches of each size alone, may be others: where a part picks among
            codebook entries, components or candidates, and two are all but equally near, rounding decides.

    Raises:
        ExportError: They differ.
        Exception: The file cannot be run; what is raised is of what runs it.
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
            f"the file computes something else than torch: {others.total()} of {compared.total()} outputs differ"
            f"{sizes}, by up to {float(together.max()):.3g}"
        )
    return Agreement(float(together[~different].max()), others.total(), compared.total())


def _differences(run: Callable[[Sequence[Tensor]], Tensor], batches: Batches) -> Iterator[Tensor]:
    """The largest difference of each output: float64 (n,) of each batch."""
    for inputs, expected in batches:
        found = run(inputs)
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise ExportError(
                f"the file gives {found.dtype} of shape {tuple(found.shape)} for a batch of {len(expected)}, and torch "
                f"{expected.dtype} of shape {tuple(expected.shape)}"
            )
        yield (found.double() - expected.double()).abs().flatten(1).amax(1)
