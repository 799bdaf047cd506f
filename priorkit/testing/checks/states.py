"""Checks of a component's state: its parameters and buffers."""

import copy
from typing import NoReturn

import safetensors.torch
import torch
from torch import nn

from priorkit.testing.check import Check, Defect, require
from priorkit.testing.subject import AnySubject, as_module

__all__ = ["STATES"]


def use_changes_nothing(subject: AnySubject) -> None:
    """A call changes neither inputs nor parameters, and in evaluation mode no buffers either."""
    component = subject.component()
    inputs = subject.inputs(component, 6, subject.case.seed)
    kept = {name: tensor.clone() for name, tensor in inputs.items()}
    for training in (False, True):
        if isinstance(component, nn.Module):
            component.train(training)
        before = subject.tensors(component)
        parameters = {name for name, _ in component.named_parameters()} if isinstance(component, nn.Module) else set()
        for one in subject.passes(component):
            # Gradients are recorded as in training, because some buffers are updated only then.
            one.outputs(inputs)
            for name, tensor in subject.tensors(component).items():
                if not training or name in parameters:
                    mode = "training" if training else "evaluation"
                    require(torch.equal(tensor, before[name]), f"{one.name} changes {name!r} in {mode} mode")
            for name, tensor in inputs.items():
                require(
                    torch.equal(tensor, kept[name]),
                    f"{one.name} changes its input {name!r}",
                    "an in-place operation (`+=`, `clamp_`, `x[...] = `) overwrites the input",
                    "use operations that return a new tensor",
                )


def states_are_whole(subject: AnySubject) -> None:
    """Another instance that loads its state_dict, saved as safetensors, computes the same."""
    component = subject.component(seed=0)
    saved = {name: tensor.clone().contiguous() for name, tensor in as_module(component).state_dict().items()}
    subject.loading = True
    other = subject.component(seed=1)
    try:
        as_module(other).load_state_dict(safetensors.torch.load(safetensors.torch.save(saved)))
    except RuntimeError as error:
        raise Defect(
            f"its state cannot be loaded by another instance: {' '.join(str(error).split())}",
            "shapes of its tensors depend on the content of the training images, which a loaded run does not have",
            "let shapes depend on options, dimensions and the number of training images alone",
        ) from error
    inputs = subject.inputs(component, 6, subject.case.seed)
    for one, again in zip(subject.passes(component), subject.passes(other), strict=True):
        if one.for_training:
            continue
        expected, found = one.without_gradients(inputs), again.without_gradients(inputs)
        for name, output in expected.items():
            if not torch.equal(output, found[name]):
                _explain_difference(f"{name} differs after the state is saved and loaded", component, other)


def _explain_difference(found: str, component: object, other: object) -> NoReturn:
    """Raises a Defect that names the buffers that are not saved and differ in a newly built component, if any."""
    module, loaded = as_module(component), dict(as_module(other).named_buffers())
    saved = module.state_dict()
    unsaved = [
        name
        for name, buffer in module.named_buffers()
        if name not in saved and not (name in loaded and torch.equal(buffer, loaded[name]))
    ]
    if not unsaved:
        raise Defect(found)
    raise Defect(
        f"{found}: the buffer {', '.join(unsaved)} is not saved, and a new instance has another value",
        "it is registered with persistent=False, and depends on random numbers or on training",
        "leave out persistent=False; a buffer that is not saved must follow from options and dimensions alone",
    )


def copies_are_independent(subject: AnySubject) -> None:
    """A deep copy computes the same, and shares nothing with the original."""
    component = subject.component()
    module = as_module(component)
    inputs = subject.inputs(component, 6, subject.case.seed)
    expected = [one.without_gradients(inputs) for one in subject.passes(component)]
    copied = copy.deepcopy(component)
    for one, outputs in zip(subject.passes(copied), expected, strict=True):
        for name, output in one.without_gradients(inputs).items():
            require(torch.equal(output, outputs[name]), f"{name} of a copy differs")
    with torch.no_grad():
        for tensor in (*as_module(copied).parameters(), *as_module(copied).buffers()):
            if tensor.is_floating_point():
                # Different amounts: a softmax ignores a constant shift.
                tensor.add_(torch.linspace(1, 2, tensor.numel()).view_as(tensor))
    for one, outputs in zip(subject.passes(component), expected, strict=True):
        for name, output in one.without_gradients(inputs).items():
            require(torch.equal(output, outputs[name]), f"{name} changes with the parameters of a copy")
    trained = [name for name, weight in module.named_parameters() if weight.requires_grad]
    changed = any(
        not torch.equal(output, outputs[name])
        for one, outputs in zip(subject.passes(copied), expected, strict=True)
        for name, output in one.without_gradients(inputs).items()
    )
    require(
        changed or not trained,
        "the outputs of a copy stay the same although all its parameters were changed",
        "the copy still uses the original's parameters: a function or a list refers to them",
    )


STATES = (
    Check(
        "use_changes_nothing",
        use_changes_nothing,
        "a running statistic is updated in evaluation mode, or a call writes into a parameter",
        "change buffers in training mode alone (`if self.training`), and leave parameters to the optimiser",
    ),
    Check(
        "states_are_whole",
        states_are_whole,
        "it uses values that are neither parameters nor buffers: a plain attribute, a list of modules",
        "register tensors with register_buffer or nn.Parameter, modules as attributes, nn.ModuleList or nn.ModuleDict",
        required=False,
    ),
    Check(
        "copies_are_independent",
        copies_are_independent,
        "copies share a tensor, a function or a module that lies in a class attribute or a closure",
        "keep everything that is used in parameters, buffers and submodules",
        required=False,
    ),
)
