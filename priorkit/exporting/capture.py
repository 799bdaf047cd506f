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
    """`len`, which gives a batch's size as a symbol: Python's own makes a fixed number of it."""
    return item.shape[0] if isinstance(item, Tensor) and item.ndim else _python_len(item)


_torch_autocast = torch.autocast


def _autocast(*arguments: Any, **options: Any) -> AbstractContextManager[Any]:
    """`torch.autocast`, which is nothing where it is to round nothing: in graphs, it hides what is computed in it."""
    return _torch_autocast(*arguments, **options) if options.get("enabled", True) else nullcontext()


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Inside, torch's exporters say nothing beside their errors: what they warn of is of their own making."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def capture(module: nn.Module, inputs: Sequence[Tensor], *, batches: bool = True) -> ExportedProgram:
    """A module's graph, in which the size of the batch is free.

    Args:
        module: A module in evaluation mode, from tensors to a tensor.
        inputs: Examples of its inputs, whose first dimension is the batch: at least 2, as torch takes 1 for fixed.
        batches: Whether the size of the batch is free; otherwise it is that of `inputs`.

    Raises:
        Exception: torch cannot capture it; what is raised is torch's, or the module's own.
    """
    batch = Dim("batch")
    # Components ask for the size of a batch by `len`, too. torch replaces Python's `max` and `min` likewise.
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
            # It names the folders of the machine on which the part is exported.
            node.meta.pop("stack_trace", None)
    return program
