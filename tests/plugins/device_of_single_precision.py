"""Tensors that stand for those on a device that has no float64, such as MPS, on a machine without one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["SinglePrecisionTensor"]


class SinglePrecisionTensor(Tensor):
    """What is computed of it lies on its device, where float64 is refused; `cpu` and `tolist` bring it from there."""

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Does what torch does, and looks at what comes of it."""
        found = super().__torch_function__(func, types, args, kwargs or {})
        if func is Tensor.cpu:
            return found.as_subclass(Tensor)
        if isinstance(found, cls) and found.dtype == torch.float64:
            raise RuntimeError("this device has no float64")
        return found
