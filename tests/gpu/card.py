"""Describes the card, its driver, and the versions, for the head of the table."""

import platform
import shutil
import subprocess
from importlib.metadata import version

import torch

__all__ = ["describe"]


def describe(device: torch.device) -> str:
    """Returns one line about the device and the versions, without which results mean nothing."""
    versions = f"torch {torch.__version__}, priorkit {version('priorkit')}, Python {platform.python_version()}"
    if device.type != "cuda":
        return f"{device.type}: {platform.processor() or platform.machine()}, {versions}"
    card = torch.cuda.get_device_properties(device)
    capability = f"capability {card.major}.{card.minor}, {card.total_memory / 2**30:.0f} GiB"
    libraries = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, driver {_driver()}"
    return f"{device}: {card.name} ({capability}; {torch.cuda.device_count()} found), {libraries}, {versions}"


def _driver() -> str:
    command = shutil.which("nvidia-smi")
    if command is None:
        return "unknown"
    asked = [command, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = done.stdout.split()
    return lines[0] if done.returncode == 0 and lines else "unknown"
