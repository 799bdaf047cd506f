"""Parts as torch.export's programs: `.pt2` files, which torch alone reads."""

import io
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.export import ExportedProgram

from priorkit.exporting.capture import quiet_torch

__all__ = ["METADATA_FILE", "program_bytes", "program_runner"]

METADATA_FILE = "priorkit.json"
"""The name, among a `.pt2` file's extra files, of what describes it."""


def program_bytes(program: ExportedProgram, about: str) -> bytes:
    """A program as a `.pt2` file.

    Args:
        program: The program.
        about: What `priorkit.json` among its extra files says.
    """
    file = io.BytesIO()
    with quiet_torch():
        torch.export.save(program, file, extra_files={METADATA_FILE: about})
    return file.getvalue()


def program_runner(content: bytes) -> Callable[[Sequence[Tensor]], Tensor]:
    """What computes the output of a `.pt2` file from its inputs.

    Args:
        content: The file.
    """
    with quiet_torch():
        module = torch.export.load(io.BytesIO(content)).module()

    def run(inputs: Sequence[Tensor]) -> Tensor:
        with torch.no_grad():
            found: Tensor = module(*inputs)
        return found

    return run
