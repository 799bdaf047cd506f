"""Whether what a file computes is what torch computes."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from priorkit.errors import ExportError

__all__ = ["require_agreement"]

_TOLERANCE = 1e-3
"""How far numbers may be apart, as a part of the outputs' deviation where that is above 1."""
_CHOICES = 0.1
"""Share of a batch's entries that rounding may have given another choice."""

Batches = Sequence[tuple[tuple[Tensor, ...], Tensor]]
"""Inputs, and what torch makes of them."""


def require_agreement(run: Callable[[Sequence[Tensor]], Tensor], batches: Batches, *, chooses: bool) -> float:
    """The largest difference between what a file computes and what torch does.

    Args:
        run: Computes the file's output from its inputs.
        batches: Batches of several sizes.
        chooses: Whether the part picks among codebook entries, components or candidates: where two are all but equally
            near, rounding decides, and a tenth of the outputs may then be others.

    Returns:
        The largest absolute difference, among outputs that agree.

    Raises:
        ExportError: They differ.
        Exception: The file cannot be run; what is raised is of what runs it.
    """
    expected = torch.cat([output for _, output in batches])
    scale = max(1.0, float(expected.double().std())) if expected.is_floating_point() and expected.numel() > 1 else 1.0
    differences = torch.cat(list(_differences(run, batches)))
    apart = ~(differences <= _TOLERANCE * scale)
    if int(apart.sum()) > (_CHOICES * len(apart) if chooses else 0):
        raise ExportError(
            f"the file computes something else than torch: {int(apart.sum())} of {len(apart)} outputs differ, by up to "
            f"{float(differences.max()):.3g}"
        )
    return float(differences[~apart].max()) if not bool(apart.all()) else 0.0


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
