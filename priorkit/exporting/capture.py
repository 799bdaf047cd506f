"""Captures a module as a graph of torch's operations, for batches of any size."""

import builtins
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

__all__ = ["capture", "quiet_torch"]

_python_len = builtins.len


def _len(item: Any) -> Any:
    """Like `len`, but returns a batch's size as a symbol, which Python's own `len` turns into a fixed number."""
    return item.shape[0] if isinstance(item, Tensor) and item.ndim else _python_len(item)


_torch_autocast = torch.autocast


def _autocast(*arguments: Any, **options: Any) -> AbstractContextManager[Any]:
    """Like `torch.autocast`, but does nothing if disabled: a graph hides the operations inside `torch.autocast`."""
    return _torch_autocast(*arguments, **options) if options.get("enabled", True) else nullcontext()


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Silences torch's exporters, except for errors: their warnings are about their own internals."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def capture(module: nn.Module, inputs: Sequence[Tensor], *, batches: bool = True) -> ExportedProgram:
    """Captures a module's graph for batches of any size.

    Args:
        module: A module in evaluation mode, from tensors to a tensor.
        inputs: Example inputs, whose first dimension is the batch: at least 2, because torch treats a size of 1 as
            fixed.
        batches: Whether the graph is for any batch size; otherwise it is for that of `inputs`.

    Raises:
        Exception: torch cannot capture the module; the exception is torch's, or the module's own.
    """
    batch = Dim("batch")
    # Components also get the size of a batch by `len`. torch itself replaces Python's `max` and `min` in this way.
    with (
        quiet_torch(),
        torch.no_grad(),
        mock.patch.object(builtins, "len", _len),
        mock.patch.object(torch, "autocast", _autocast),
    ):
        shapes = tuple({0: batch} for _ in inputs) if batches else None
        program = torch.export.export(module, tuple(inputs), dynamic_shapes=shapes, strict=False)
    for graph in program.graph_module.modules():
        for node in graph.graph.nodes if isinstance(graph, GraphModule) else ():
            # Stack traces would reveal folders of the exporting machine.
            node.meta.pop("stack_trace", None)
    return program
