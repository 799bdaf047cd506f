"""Checks that a component works on other devices than the CPU, and does not wait for them."""

from collections.abc import Callable
from typing import NoReturn

import torch
from torch import nn

from priorkit.testing.absent_devices import (
    CUDA,
    META,
    MIXES_DEVICES,
    NEEDS_A_GPU,
    READS_VALUES,
    all_absent,
    fake_cuda,
    move,
)
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import AnySubject, as_module

__all__ = ["DEVICES", "told_of_devices"]


def told_of_devices(what: str, error: Exception) -> NoReturn:
    """Translates an error that torch raises for absent devices.

    Args:
        what: The call that failed, in words.
        error: The error.

    Raises:
        Defect: The call reads a value, or mixes devices.
        NotApplicable: The call uses autocast, which the meta device does not have.
        Exception: The error itself, if it is about something else.
    """
    text = " ".join(f"{type(error).__name__}: {error}".split())
    if READS_VALUES.search(text):
        raise Defect(
            f"{what} reads a value: {text[:300]}",
            "`.item()`, `float(tensor)`, `if tensor`, a mask as an index, a loop over values, or torch.distributions "
            "checking its arguments: the program waits for the GPU, and the call cannot be recorded as a CUDA graph",
            "compute with tensors: torch.where instead of if, masked sums instead of selections, "
            "`validate_args=False` for distributions",
        ) from error
    if "unsupported scalarType" in text:
        raise NotApplicable(
            f"{what} enters torch.autocast without checking torch.amp.is_autocast_available(device.type), and the meta "
            "device has no autocast"
        ) from error
    if MIXES_DEVICES.search(text):
        raise Defect(
            f"{what} mixes devices: {text[:300]}",
            "a tensor is made on the CPU (torch.zeros(...) without a device), or kept as a plain attribute, which "
            "`module.to` does not move",
            "make tensors with `device=x.device`; register kept tensors as buffers",
        ) from error
    raise error


def _passes(
    subject: AnySubject, component: nn.Module, inputs: Inputs, each: Callable[[ForwardPass, Inputs], None]
) -> None:
    for one in subject.passes(component):
        try:
            each(one, inputs)
        except (Defect, NotApplicable):
            raise
        except Exception as error:
            told_of_devices(one.name, error)


def values_are_not_read(subject: AnySubject) -> None:
    """Training never reads the value of a tensor, forward or backward, and so never waits for a GPU."""
    component = as_module(subject.component()).train()
    inputs = all_absent(subject.inputs(component, 4, subject.case.seed), META)

    def each(one: ForwardPass, inputs: Inputs) -> None:
        leaves = {name: tensor.detach().requires_grad_(tensor.is_floating_point()) for name, tensor in inputs.items()}
        outputs = one.outputs(leaves)
        require(all(output.is_meta for output in outputs.values()), f"{one.name} returns tensors on another device")
        sums = [output.float().sum() for output in outputs.values() if output.requires_grad]
        if sums:
            torch.autograd.backward(torch.stack(sums).sum())

    for module in (component, *subject.companions):
        module.to(META)
    _passes(subject, component, inputs, each)


def stays_on_its_device(subject: AnySubject) -> None:
    """On a (fake) GPU, it computes with tensors on that GPU alone."""
    component = as_module(subject.component()).train()
    inputs = subject.inputs(component, 4, subject.case.seed)

    def each(one: ForwardPass, inputs: Inputs) -> None:
        try:
            outputs = one.outputs(inputs)
        except RuntimeError as error:
            # Calls that compute gradients, such as a penalty, need a real GPU; up to here, no devices were mixed.
            if NEEDS_A_GPU.search(str(error)):
                return
            raise
        for name, output in outputs.items():
            require(
                output.device == CUDA,
                f"{name} is on {output.device}, but all its inputs are on {CUDA}",
                "a tensor is made without a device, or moved to the CPU",
                "make tensors with `device=x.device`",
            )

    with fake_cuda():
        for module in (component, *subject.companions):
            move(module, CUDA)
        _passes(subject, component, all_absent(inputs, CUDA), each)


DEVICES = (
    Check(
        "values_are_not_read",
        values_are_not_read,
        "an operation needs a value where a shape would do",
        "compute with tensors, without `.item()`, `.tolist()` or branches on values",
        required=False,
    ),
    Check(
        "stays_on_its_device",
        stays_on_its_device,
        "a tensor is made without a device",
        "make tensors with `device=x.device`; register kept tensors as buffers",
        required=False,
    ),
)
