"""Devices that are not there: shapes, dtypes and devices are computed with, values are not.

On the meta device whatever reads a value is an error, forward and backward. Fake CUDA tensors go forward only, but know
their device and refuse to be mixed with another's.
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
"""What torch says where tensors of several devices meet."""

READS_VALUES = re.compile(r"item\(\)|_local_scalar_dense|nonzero|data-dependent|DataDependent|DynamicOutputShape")
"""What torch says where a value is read."""

NEEDS_A_GPU = re.compile(r"hasPrimaryContext|No CUDA GPUs|not compiled with CUDA|Found no NVIDIA driver")
"""What torch says where gradients of fake CUDA tensors are asked for, and there is no GPU."""


class OneFakeMode(FakeTensorMode):  # type: ignore[no-untyped-call]
    """Copies of a fake tensor share its mode, and so can be computed with."""

    def __deepcopy__(self, memo: object) -> "OneFakeMode":
        return self


@contextmanager
def fake_cuda() -> Iterator[OneFakeMode]:
    """Tensors made within are fake; they may say that they are on a GPU."""
    # Recurrent layers ask a real driver whether it has cuDNN.
    with warnings.catch_warnings(), torch.backends.cudnn.flags(enabled=False):
        # Copying a fake tensor asks for its place in memory.
        warnings.filterwarnings("ignore", "Accessing the data pointer of FakeTensor")
        with OneFakeMode() as mode:
            yield mode


def move(module: nn.Module, device: torch.device) -> None:
    """What `module.to` does and fake tensors cannot: new tensors for those that the module knows, and for no others."""
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
            # It has a list of its parameters, which `module.to` makes anew in this way, too.
            part._init_flat_weights()


def absent_like(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the same layout without values."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)


def all_absent(tensors: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """The same of several, by name."""
    return {name: absent_like(tensor, device) for name, tensor in tensors.items()}
