"""Chooses the device and the precision of computations."""

import warnings
from contextlib import AbstractContextManager, nullcontext

import torch

from priorkit.config import DEVICE_NAME
from priorkit.distributed.processes import Processes
from priorkit.errors import DeviceError

__all__ = ["Precision", "choose_device", "choose_precision"]


def choose_device(name: str, processes: Processes | None = None) -> torch.device:
    """The device of that name.

    Args:
        name: `auto` (CUDA, then MPS, then the CPU), `cpu`, `cuda`, `cuda:N` or `mps`.
        processes: The processes that train together, each on its own GPU. None for this process alone.

    Raises:
        DeviceError: The name is unknown, or this machine has no such device, or not one for each process.
    """
    if not DEVICE_NAME.fullmatch(name):
        raise DeviceError(f"unknown device {name!r}; use auto, cpu, cuda, cuda:N or mps")
    if processes is not None and processes.count > 1:
        return _choose_one_each(name, processes.local_rank, processes.local_count)
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            found = f"{count} CUDA device(s) were found" if count else "no CUDA device was found on this machine"
            raise DeviceError(f"--device {name}: {found}; use --device auto or --device cpu")
        return torch.device("cuda", device.index or 0)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("--device mps: this machine has no MPS device; use --device auto or --device cpu")
    return device


def _choose_one_each(name: str, local_rank: int, local_count: int) -> torch.device:
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if name == "mps":
        raise DeviceError("--device mps: several processes cannot train on it; use --device cpu, or one process")
    if name not in ("auto", "cuda"):
        if local_count == 1:
            return choose_device(name)
        raise DeviceError(
            f"--device {name}: {local_count} processes on this machine cannot share it; use --device cuda for a "
            "GPU each, or --device cpu"
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count < local_count:
        raise DeviceError(
            f"--device {name}: {local_count} processes on this machine need a GPU each, and {count} CUDA device(s) "
            f"were found; start {count or 1} with --nproc-per-node, or use --device cpu"
        )
    return torch.device("cuda", local_rank)


def _runs_bfloat16_well(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # oneDNN computes bfloat16 natively with AMX or AVX512-BF16; elsewhere it converts, and is slower than float32.
        capabilities = torch.backends.cpu.get_cpu_capability()
        probes = [getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")]
        return capabilities.startswith("AVX512") and any(probe() for probe in probes if probe is not None)
    return False


class Precision:
    """The precision of a run: float32 throughout, or bfloat16 mixed precision by autocast.

    Args:
        device: The run's device.
        dtype: torch.float32 or torch.bfloat16.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype

    @property
    def name(self) -> str:
        """`float32` or `bfloat16`."""
        return str(self.dtype).removeprefix("torch.")

    def autocast(self) -> AbstractContextManager[object]:
        """A new autocast context.

        Leave it before weights are updated: autocast caches low-precision copies of weights.
        """
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)


def choose_precision(name: str, device: torch.device) -> Precision:
    """The precision of that name on a device; `auto` is bfloat16 on hardware that supports it natively.

    Raises:
        DeviceError: The name is unknown, or the device does not support this precision.
    """
    if name not in ("auto", "float32", "bfloat16"):
        raise DeviceError(f"unknown precision {name!r}; use auto, float32 or bfloat16")
    if name == "auto":
        name = "bfloat16" if _runs_bfloat16_well(device) else "float32"
    elif name == "bfloat16":
        _check_bfloat16(device)
    return Precision(device, torch.bfloat16 if name == "bfloat16" else torch.float32)


def _check_bfloat16(device: torch.device) -> None:
    try:
        with warnings.catch_warnings():
            # On some devices autocast only warns that it has no effect.
            warnings.filterwarnings("error", message=".*autocast")
            torch.autocast(device.type, dtype=torch.bfloat16)
    except (RuntimeError, UserWarning) as error:
        reason = " ".join(str(error).split())
        raise DeviceError(
            f"--precision bfloat16: {device} does not support it ({reason}); use --precision float32"
        ) from None
