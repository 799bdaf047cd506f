"""`.pt2` files of parts: torch.export's programs, which only torch can read."""

import io
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.export import ExportedProgram

from priorkit.exporting.capture import quiet_torch

__all__ = ["METADATA_FILE", "program_bytes", "program_runner"]

METADATA_FILE = "priorkit.json"
"""The name of a `.pt2` file's description among its extra files."""


def program_bytes(program: ExportedProgram, about: str) -> bytes:
    """Returns a program as a `.pt2` file.

    Args:
        program: The program.
        about: The description to store as the extra file `priorkit.json`.
    """
    file = io.BytesIO()
    with quiet_torch():
        torch.export.save(program, file, extra_files={METADATA_FILE: about})
    return file.getvalue()


def program_runner(content: bytes) -> Callable[[Sequence[Tensor]], Tensor]:
    """Returns a function that computes a `.pt2` file's output from its inputs.

    Args:
        content: The content of the file.
    """
    with quiet_torch():
        module = torch.export.load(io.BytesIO(content)).module()

    def run(inputs: Sequence[Tensor]) -> Tensor:
        with torch.no_grad():
            found: Tensor = module(*inputs)
        return found

    return run
