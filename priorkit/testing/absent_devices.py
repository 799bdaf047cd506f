"""Tensors on absent devices: they have shapes, dtypes and devices, but no values.

On the meta device, reading a value is an error, forward and backward. Fake CUDA tensors work forward only, but know
their device and refuse to be mixed with tensors of another device.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

__all__ = [
    "CUDA",
    "META",
    "MIXES_DEVICES",
    "NEEDS_A_GPU",
    "READS_VALUES",
    "OneFakeMode",
    "absent_like",
    "all_absent",
    "fake_cuda",
    "move",
]

META, CUDA = torch.device("meta"), torch.device("cuda", 0)

MIXES_DEVICES = re.compile(
    r"on the same device|not on the expected device|FakeTensor.*mix|convert all Tensors to FakeTensors|is on cpu|"
    r"device meta|different device"
)
"""Matches torch's errors for tensors on different devices."""

READS_VALUES = re.compile(r"item\(\)|_local_scalar_dense|nonzero|data-dependent|DataDependent|DynamicOutputShape")
"""Matches torch's errors for reading a value."""

NEEDS_A_GPU = re.compile(r"hasPrimaryContext|No CUDA GPUs|not compiled with CUDA|Found no NVIDIA driver")
"""Matches torch's errors for gradients of fake CUDA tensors without a GPU."""


class OneFakeMode(FakeTensorMode):  # type: ignore[no-untyped-call]
    """A fake mode that deep copies share, so that copies of fake tensors can be used together."""

    def __deepcopy__(self, memo: object) -> "OneFakeMode":
        return self


@contextmanager
def fake_cuda() -> Iterator[OneFakeMode]:
    """Makes new tensors fake; a fake tensor may claim to be on a GPU."""
    # Recurrent layers would query a real driver for cuDNN.
    with warnings.catch_warnings(), torch.backends.cudnn.flags(enabled=False):
        # Copying a fake tensor reads its memory address.
        warnings.filterwarnings("ignore", "Accessing the data pointer of FakeTensor")
        with OneFakeMode() as mode:
            yield mode


def move(module: nn.Module, device: torch.device) -> None:
    """Replaces `module.to`, which fake tensors do not support: makes new tensors for parameters and buffers."""
    moved: dict[Tensor, Tensor] = {}
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, old in tensors.items():
                if old is not None and old not in moved:
                    new = absent_like(old, device)
                    moved[old] = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
                if old is not None:
                    tensors[name] = moved[old]  # type: ignore[assignment]
        if isinstance(part, nn.RNNBase):
            # Recurrent layers keep a list of their parameters, which `module.to` also rebuilds in this way.
            part._init_flat_weights()


def absent_like(tensor: Tensor, device: torch.device) -> Tensor:
    """Returns a tensor of the same layout on another device, without values."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)


def all_absent(tensors: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Returns such a tensor for each of several, by name."""
    return {name: absent_like(tensor, device) for name, tensor in tensors.items()}
