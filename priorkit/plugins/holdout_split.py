"""Chooses the images to hold out, for data sets without a test set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["held_out"]


def held_out(count: int, share: float, seed: int, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Splits `count` images at random into those to train on and those to hold out.

    Args:
        count: Number of images, at least 2.
        share: Share of the images to hold out, between 0 and 1; at least one image is held out, and at least one is
            not.
        seed: Seed of the choice.
        labels: Class indices, int64 (count,), or None. No class is held out entirely, unless each has only one image.

    Returns:
        The images' indices, int64: to train on, and held out. Each is in ascending order.

    Examples:
        >>> from priorkit.plugins import held_out
        >>> train, test = held_out(10, share=0.2, seed=0)
        >>> len(train), len(test)
        (8, 2)
    """
    import torch  # late: listing components does not need it

    size = min(max(1, round(share * count)), count - 1)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    if labels is not None:
        order, size = _with_each_class_to_train_on(order, size, labels)
    return order[size:].sort().values, order[:size].sort().values


def _with_each_class_to_train_on(order: Tensor, size: int, labels: Tensor) -> tuple[Tensor, int]:
    """An order whose first images, held out, leave an image of each class; and how many these are.

    Only images that are the last ones of their class are swapped, so the order is unchanged where no class is missing.
    """
    import torch

    left, class_of = torch.bincount(labels).tolist(), labels.tolist()
    chosen: list[int] = []
    for index in order.tolist():
        if len(chosen) == size:
            break
        if left[class_of[index]] > 1:
            left[class_of[index]] -= 1
            chosen.append(index)
    if not chosen:
        return order, size
    held = torch.tensor(chosen)
    return torch.cat([held, order[~torch.isin(order, held)]]), len(chosen)
