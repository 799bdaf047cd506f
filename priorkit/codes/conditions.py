"""The conditions of given codes: classes of any name, or vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorkit.codes.given_codes import as_array, finite_tensor
from priorkit.codes.scale import CodeScale
from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeSpace, Condition, ImageSet

__all__ = ["GivenConditions", "PriorCondition", "given_conditions"]

ClassName = int | str
_SHOWN = 10
"""Maximal number of classes listed in a message."""


@dataclass(frozen=True)
class GivenConditions:
    """Checked conditions, one for each code.

    Attributes:
        component: The default component for these conditions: `labels` or `embedding`.
        carrier: A set of blank images with these labels or embeddings, which condition components can read.
        classes: The classes, sorted; empty if conditions are vectors.
        shares: The share of each class among the codes.
        scale: The scale of vectors; None if conditions are classes.
    """

    component: str
    carrier: ImageSet
    classes: tuple[ClassName, ...] = ()
    shares: tuple[float, ...] = ()
    scale: CodeScale | None = None


def given_conditions(conditions: Any, count: int) -> GivenConditions:
    """Checks conditions: whole numbers or texts (N,) are classes, and numbers (N, K) are vectors.

    Args:
        conditions: A tensor, an array or a list.
        count: Number of codes.

    Raises:
        ConfigurationError: They are neither, their number differs from that of the codes, or they do not vary.
    """
    array = conditions.detach().cpu().numpy() if isinstance(conditions, Tensor) else np.asarray(conditions)
    if array.dtype.kind == "O" and all(isinstance(item, str) for item in array.flat):
        array = array.astype(str)
    if array.ndim not in (1, 2) or (array.ndim == 1 and array.dtype.kind not in "iubU"):
        raise ConfigurationError(
            "conditions must be classes (N,), whole numbers or texts, or vectors (N, K), but these are "
            f"{array.dtype} of shape {array.shape}; for one number a code, reshape them to ({count}, 1)"
        )
    if len(array) != count:
        raise ConfigurationError(f"there are {count} codes and {len(array)} conditions; give one condition a code")
    # Components expect conditions that come with images, so these come with blank images.
    blank = torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(count, 1, 1, 1)
    if array.ndim == 1:
        _refuse_negative(array)
        names, indices = np.unique(array.astype(np.int64) if array.dtype.kind == "b" else array, return_inverse=True)
        if len(names) < 2:
            raise ConfigurationError(
                f"all {count} codes are of the class {names[0].item()!r}: there is nothing to condition on; leave the "
                "conditions out"
            )
        labels = torch.from_numpy(indices.astype(np.int64))
        shares = (torch.bincount(labels).double() / count).tolist()
        return GivenConditions("labels", ImageSet(blank, labels=labels), tuple(names.tolist()), tuple(shares))
    if array.shape[1] < 1:
        raise ConfigurationError(f"conditions must have at least 1 dimension, and their shape is {array.shape}")
    vectors = finite_tensor(as_array(array, "conditions"), "conditions")
    scale = CodeScale.of(vectors, CodeSpace((vectors.shape[1],)), "conditions")
    return GivenConditions("embedding", ImageSet(blank, embeddings=scale(vectors)), scale=scale)


def _refuse_negative(labels: np.ndarray[Any, Any]) -> None:
    """Refuses negative labels, as data sets of images do.

    Raises:
        ConfigurationError: A label is negative.
    """
    if labels.dtype.kind == "i" and labels.size and labels.min() < 0:
        least = labels.min()
        raise ConfigurationError(
            f"labels go down to {least} ({int((labels == least).sum())} codes), and labels below 0 usually mean that a "
            "code has none: leave these codes out, leave out the labels, or name every class by a text"
        )


class PriorCondition:
    """The condition of a fitted prior: converts users' classes and vectors to s, and back.

    Args:
        module: The component, which computes and draws s.
        classes: The classes, sorted; empty if conditions are vectors.
        shares: The share of each class among the codes.
        scale: The scale of vectors; None if conditions are classes.
    """

    def __init__(
        self,
        module: Condition,
        classes: Sequence[ClassName] = (),
        shares: Sequence[float] = (),
        scale: CodeScale | None = None,
    ) -> None:
        self.module = module
        self.classes = tuple(classes)
        self.shares = tuple(shares)
        self.scale = scale

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draws s in the distribution of the codes: float32 (n, dim)."""
        return self.module.draw(n, generator=generator)

    def of_class(self, index: int, n: int) -> Tensor:
        """The s of one class, by its index: float32 (n, dim)."""
        return self.module.vectors(torch.full((n,), index))

    def named(self, s: Tensor) -> np.ndarray[Any, Any]:
        """The users' form of s (N, dim): class names (N,), or vectors float64 (N, K)."""
        if self.scale is not None:
            return self.scale.inverse(s).numpy()
        names: np.ndarray[Any, Any] = np.array(self.classes)[s.argmax(1).numpy()]
        return names

    def find(self, wanted: Any, n: int) -> Tensor:
        """The s of a user's condition, one for all or one for each of `n` codes: float32 (n, dim).

        Raises:
            ConfigurationError: There is no such class, or the shape is wrong.
        """
        if self.scale is not None:
            return self._vectors(wanted, self.scale, n)
        array = wanted.detach().cpu().numpy() if isinstance(wanted, Tensor) else np.asarray(wanted)
        names = array.tolist() if array.ndim == 1 else [array.item()] * n if array.ndim == 0 else None
        if names is None or len(names) != n:
            raise ConfigurationError(
                f"the condition must be one class, or {n} of them, but its shape is {tuple(array.shape)}"
            )
        places = {name: place for place, name in enumerate(self.classes)}
        # On the command line, numbers are texts.
        texts = {str(name): place for name, place in places.items()}
        found = [places.get(name, texts.get(str(name))) for name in names]
        if None in found:
            more = ", ..." if len(self.classes) > _SHOWN else ""
            raise ConfigurationError(
                f"there is no class {names[found.index(None)]!r}; the classes are "
                f"{', '.join(map(str, self.classes[:_SHOWN]))}{more}"
            )
        return self.module.vectors(torch.tensor(found, dtype=torch.int64))

    def _vectors(self, wanted: Any, scale: CodeScale, n: int) -> Tensor:
        array = as_array(wanted, "the condition's numbers")
        dim = scale.space.dim
        if array.shape not in ((dim,), (n, dim)):
            raise ConfigurationError(
                f"the condition must be one vector ({dim},), or one a code ({n}, {dim}), but its shape is {array.shape}"
            )
        vectors = finite_tensor(array.reshape(-1, dim), "the condition's numbers")
        return self.module.vectors(scale(vectors.expand(n, dim)))
