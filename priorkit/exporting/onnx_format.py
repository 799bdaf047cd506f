"""ONNX files of parts, written by torch's exporter and run by onnxruntime."""

import contextlib
import importlib.util
import io
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.export import ExportedProgram

from priorkit.errors import ExportError, MissingExtraError
from priorkit.exporting.capture import quiet_torch

__all__ = ["METADATA_KEY", "onnx_bytes", "onnx_runner", "require_onnx"]

METADATA_KEY = "priorkit"
"""The key of a file's description, as JSON, in its metadata."""

_OPSET = 18
_LARGEST = 2**31 - 1
"""Maximal size in bytes of a single file."""
_INSTALL = "install it by pip install 'priorkit[export]'"


def require_onnx() -> None:
    """Checks that ONNX files can be written, before anything is computed for them.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"ONNX files are written with onnx and onnxscript ({error}); {_INSTALL}") from None


def onnx_bytes(
    program: ExportedProgram, inputs: Sequence[str], output: str, about: str, *, batches: bool = True
) -> bytes:
    """Returns a program as an ONNX file of opset 18 that includes its weights.

    Args:
        program: The program, in which the first dimension of tensors is the batch.
        inputs: The names of its inputs.
        output: The name of its output.
        about: The description to store in the file's metadata under `priorkit`.
        batches: Whether the program is for batches of any size.

    Raises:
        ExportError: The file would exceed the maximal size of a single file.
        Exception: torch cannot translate the program; the exception is torch's.
    """
    # torch and onnxscript print messages while they work.
    with quiet_torch(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        translated = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            opset_version=_OPSET,
            input_names=list(inputs),
            output_names=[output],
            # The dimension's name, which runtimes show.
            dynamic_shapes=tuple({0: "batch"} for _ in inputs) if batches else None,
            external_data=False,
        )
    assert translated is not None, "with dynamo, torch returns the program"
    size = sum(value.nbytes for value in (*program.state_dict.values(), *program.constants.values()) if _is(value))
    if size > _LARGEST:
        raise ExportError(
            f"its weights take {size / 2**30:.1f} GiB, but a single ONNX file holds at most 2 GiB; export it as .pt2"
        )
    for node in translated.model.graph.all_nodes():
        # Removes the source lines of operations, which would reveal paths of the exporting machine.
        node.metadata_props.clear()
    translated.model.producer_name = "priorkit"
    translated.model.metadata_props[METADATA_KEY] = about
    serialised: bytes = translated.model_proto.SerializeToString()
    return serialised


def _is(value: object) -> bool:
    return isinstance(value, Tensor)


def onnx_runner(content: bytes) -> Callable[[Sequence[Tensor]], Tensor] | None:
    """Returns a function that computes an ONNX file's output from its inputs, on the CPU; None without onnxruntime.

    Args:
        content: The content of the file.

    Raises:
        Exception: onnxruntime cannot use the file; the exception is onnxruntime's.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]

    def run(inputs: Sequence[Tensor]) -> Tensor:
        (found,) = session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})
        return torch.from_numpy(found)

    return run
