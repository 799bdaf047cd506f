"""Checks of given codes, from any source."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorkit.codes.scale import CodeScale
from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeKind, CodeSpace

__all__ = ["GivenCodes", "as_array", "codes_like", "finite_tensor", "given_codes"]

_NAMES = tuple(kind.value for kind in CodeKind)
_REAL, _WHOLE = "f", "iub"
"""Kinds of numpy's dtypes."""


@dataclass(frozen=True)
class GivenCodes:
    """Checked codes.

    Attributes:
        flat: (N, dim): float32 or float64, finite; int64 in [0, entries) for indices.
        space: The space of the codes.
        shape: The original shape of one code: that of the space, or (D,) for a sequence of indices.
        scale: The codes' scale.

    Raises:
        ConfigurationError: They do not vary, or their range exceeds float64.
    """

    flat: Tensor
    space: CodeSpace
    shape: tuple[int, ...]
    scale: CodeScale = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", CodeScale.of(self.flat, self.space))

    def __len__(self) -> int:
        return len(self.flat)


def as_array(values: Any, what: str) -> np.ndarray[Any, Any]:
    """Converts a tensor, an array, a table or nested lists to an array of real numbers.

    Args:
        values: The given values.
        what: The subject of the message: `codes`.

    Raises:
        ConfigurationError: The values are not real numbers.
    """
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.dtype is torch.bfloat16 else values).resolve_conj().resolve_neg()
        values = values.to_dense() if values.layout is not torch.strided else values
    if hasattr(values, "toarray"):
        raise ConfigurationError(f"{what} are a sparse matrix, but an array was expected; use its toarray()")
    if np.ma.is_masked(values):
        raise ConfigurationError(f"{what} have masked entries; leave these rows out, or fill them in")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{what} cannot be made an array: {' '.join(str(error).split())}") from None
    if array.dtype.kind not in _REAL + _WHOLE:
        words = {"c": "complex numbers", "U": "texts", "S": "texts", "O": "objects"}.get(array.dtype.kind, "no numbers")
        raise ConfigurationError(
            f"{what} are {words} ({array.dtype} of shape {array.shape}), but real numbers were expected; "
            "convert them first"
        )
    return array


def given_codes(codes: Any, *, kind: str | None = None, entries: int | None = None) -> GivenCodes:
    """Checks codes, and determines their kind.

    Real numbers (N, D) are vectors, (N, C, H, W) maps; whole numbers (N, H, W) are indices. Whole numbers (N, D) may be
    measurements or indices, so `kind` or `entries` must be given.

    Args:
        codes: A tensor, an array, a table or nested lists.
        kind: `vectors`, `maps` or `indices`; None if dtype and shape determine it.
        entries: For indices, the number of entries of their codebook; by default the largest index + 1.

    Raises:
        ConfigurationError: They are not codes, or all codes are the same.
    """
    array = as_array(codes, "codes")
    found = f"these are {array.dtype} of shape {array.shape}"
    if kind not in (None, *_NAMES):
        raise ConfigurationError(f"codes cannot be {kind!r}; their kind is one of {', '.join(_NAMES)}")
    if entries is not None and kind in ("vectors", "maps"):
        raise ConfigurationError(f"{kind} have no entries, only indices do; leave entries out, or give kind indices")
    whole = array.dtype.kind in _WHOLE
    if kind is None and whole and array.ndim == 2 and entries is None:
        raise ConfigurationError(
            f"codes that are whole numbers (N, D) may be measurements or indices of a codebook, and {found}: give "
            "--codes-kind vectors for measurements, or --entries K for indices from 0 to K - 1 (in Python kind= and "
            "entries=)"
        )
    if kind is None:
        kind = "indices" if whole and (entries is not None or array.ndim == 3) else None
        kind = kind or {2: "vectors", 4: "maps"}.get(array.ndim)
    if kind is None or array.ndim not in {"vectors": (2,), "maps": (4,), "indices": (2, 3)}[kind]:
        raise ConfigurationError(
            "codes must be one row a code: numbers (N, D) for vectors, (N, C, H, W) for maps, whole numbers (N, H, W) "
            f"or (N, D) for indices{f' (their kind was given as {kind})' if kind else ''}; {found}; reshape them"
        )
    if array.shape[0] < 2 or 0 in array.shape:
        raise ConfigurationError(f"a prior learns from at least 2 codes of at least 1 dimension, but {found}")
    shape = tuple(int(size) for size in array.shape[1:])
    if kind == "indices":
        return _indices(array, shape, entries)
    numbers = finite_tensor(array, "codes", torch.float32 if array.dtype.itemsize <= 4 and not whole else torch.float64)
    return GivenCodes(numbers.flatten(1), CodeSpace(shape), shape)


def _indices(array: np.ndarray[Any, Any], shape: tuple[int, ...], entries: int | None) -> GivenCodes:
    if array.dtype.kind not in _WHOLE:
        raise ConfigurationError(
            f"indices must be whole numbers, but these are {array.dtype} of shape {array.shape}; convert them, for "
            "example by astype(int)"
        )
    least, most = int(array.min()), int(array.max())
    entries = max(2, most + 1) if entries is None else entries
    if entries < 2:
        raise ConfigurationError(f"a codebook has at least 2 entries, not {entries}")
    if least < 0 or most >= entries:
        raise ConfigurationError(
            f"indices must be from 0 to {entries - 1}, as there are {entries} entries, but these are from {least} to "
            f"{most}; give more --entries, or correct the indices"
        )
    flat = torch.from_numpy(array.astype(np.int64).reshape(len(array), -1))
    return GivenCodes(flat, CodeSpace(shape if len(shape) == 2 else (1, *shape), entries=entries), shape)


def codes_like(codes: Any, space: CodeSpace, shape: tuple[int, ...]) -> Tensor:
    """Checks codes for a fitted prior: float64 (N, dim), or int64 for indices.

    Args:
        codes: A tensor, an array, a table or nested lists.
        space: The space of the fitted codes.
        shape: The original shape of one fitted code.

    Raises:
        ConfigurationError: They have another shape, are not finite, or are not indices of the codebook.
    """
    array = as_array(codes, "codes")
    if array.shape[1:] != shape or array.ndim == 0 or not len(array):
        raise ConfigurationError(
            f"codes must have the shape (N, {', '.join(map(str, shape))}), like the codes that the prior was fitted "
            f"to, but theirs is {array.shape}"
        )
    if space.kind is not CodeKind.INDICES:
        return finite_tensor(array, "codes").flatten(1)
    if array.dtype.kind not in _WHOLE or int(array.min()) < 0 or int(array.max()) >= space.entries:
        raise ConfigurationError(
            f"codes must be indices from 0 to {space.entries - 1}, like the codes that the prior was fitted to, but "
            f"they are {array.dtype} from {array.min()} to {array.max()}"
        )
    return torch.from_numpy(array.astype(np.int64)).flatten(1)


def finite_tensor(array: np.ndarray[Any, Any], what: str, dtype: torch.dtype = torch.float64) -> Tensor:
    """Converts real numbers to a tensor, which may share the array's memory and must not be changed.

    Args:
        array: The result of `as_array`.
        what: The subject of the message.
        dtype: The tensor's dtype.

    Raises:
        ConfigurationError: A number is not finite; the message says where the first is.
    """
    finite = np.isfinite(array)
    if not finite.all():
        place = np.unravel_index(int(finite.argmin()), array.shape)
        words = "row {}, column {}".format(*place) if array.ndim == 2 else f"index {tuple(map(int, place))}"
        rows = int((~finite.reshape(len(array), -1).all(axis=1)).sum())
        raise ConfigurationError(
            f"{what} must be finite, but {what}[{', '.join(map(str, place))}] is {array[place]} ({words}, counted from "
            f"0); {rows} of {len(array)} rows have such values: leave them out, or fill them in"
        )
    # torch warns about read-only arrays.
    return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(dtype)
