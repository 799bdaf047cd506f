"""Distributes devices, or shares of the processors, among several processes."""

import os

__all__ = ["default_jobs", "worker_environments"]

# Lets glibc keep the memory that a training step frees, like `priorkit train`: see mallopt(3).
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}


def default_jobs(device: str) -> int:
    """Returns the default number of processes at once: one for each CUDA device, or else one.

    Args:
        device: The device, as in `--device`.
    """
    return max(1, len(_cuda_devices(device)))


def worker_environments(jobs: int, device: str) -> list[dict[str, str]]:
    """Returns environment variables for each of several processes: CUDA devices in turn, or a share of the processors.

    Args:
        jobs: Number of processes, at least 1.
        device: The device, as in `--device`; all processes share a single device, `cuda:N`.
    """
    found = _cuda_devices(device)
    threads = str(max(1, _processors() // jobs))
    common = {**_MALLOC, "OMP_NUM_THREADS": threads}
    given = {key: value for key, value in common.items() if key not in os.environ}
    if not found:
        return [dict(given) for _ in range(jobs)]
    return [{**given, "CUDA_VISIBLE_DEVICES": found[number % len(found)]} for number in range(jobs)]


def _cuda_devices(device: str) -> list[str]:
    """Returns the available CUDA devices by their names in `CUDA_VISIBLE_DEVICES`."""
    if device not in ("auto", "cuda"):
        return []
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return visible[:count] if visible else [str(number) for number in range(count)]


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
