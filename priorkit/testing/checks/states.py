"""What a component remembers: its parameters and buffers."""

import copy
from typing import NoReturn

import safetensors.torch
import torch
from torch import nn

from priorkit.testing.check import Check, Defect, require
from priorkit.testing.subject import AnySubject, as_module

__all__ = ["STATES"]


def use_changes_nothing(subject: AnySubject) -> None:
    """Calling it changes neither its inputs nor its parameters, and in evaluation mode no buffer either."""
    component = subject.component()
    inputs = subject.inputs(component, 6, subject.case.seed)
    kept = {name: tensor.clone() for name, tensor in inputs.items()}
    for training in (False, True):
        if isinstance(component, nn.Module):
            component.train(training)
        before = subject.tensors(component)
        parameters = {name for name, _ in component.named_parameters()} if isinstance(component, nn.Module) else set()
        for one in subject.passes(component):
            # Gradients are recorded as in training, where some buffers move.
            one.outputs(inputs)
            for name, tensor in subject.tensors(component).items():
                if not training or name in parameters:
                    mode = "training" if training else "evaluation"
                    require(torch.equal(tensor, before[name]), f"{one.name} changes {name!r} in {mode} mode")
            for name, tensor in inputs.items():
                require(
                    torch.equal(tensor, kept[name]),
                    f"{one.name} changes its input {name!r}",
                    "an operation in place (`+=`, `clamp_`, `x[...] = `) writes into what it was given",
                    "use operations that make a new tensor",
                )


def states_are_whole(subject: AnySubject) -> None:
    """Another one that loads its state_dict, written to safetensors, does the same."""
    component = subject.component(seed=0)
    saved = {name: tensor.clone().contiguous() for name, tensor in as_module(component).state_dict().items()}
    subject.loading = True
    other = subject.component(seed=1)
    try:
        as_module(other).load_state_dict(safetensors.torch.load(safetensors.torch.save(saved)))
    except RuntimeError as error:
        raise Defect(
            f"its state does not fit another one: {' '.join(str(error).split())}",
            "the shapes of its tensors depend on what the training images show, which a loaded run does not have",
            "let options, dimensions and the number of training images alone decide shapes",
        ) from error
    inputs = subject.inputs(component, 6, subject.case.seed)
    for one, again in zip(subject.passes(component), subject.passes(other), strict=True):
        if one.for_training:
            continue
        expected, found = one.without_gradients(inputs), again.without_gradients(inputs)
        for name, output in expected.items():
            if not torch.equal(output, found[name]):
                _explain_difference(f"{name} differs after the state was saved and loaded", component, other)


def _explain_difference(found: str, component: object, other: object) -> NoReturn:
    """Names the buffers that are not saved, where those are other ones in a component that is built anew."""
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
        f"{found}: the buffer {', '.join(unsaved)} is not saved, and is another one after it was built anew",
        "it is registered with persistent=False, and depends on random numbers or on training",
        "leave out persistent=False; a buffer that is not saved follows from options and dimensions alone",
    )


def copies_are_independent(subject: AnySubject) -> None:
    """A deep copy does the same, and shares nothing with the original."""
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
                # Not the same everywhere, which a softmax does not see.
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
        "a copy does the same although all its parameters were changed",
        "the copy still computes with the original's parameters: a function or a list refers to them",
    )


STATES = (
    Check(
        "use_changes_nothing",
        use_changes_nothing,
        "a running statistic moves in evaluation mode, or a pass writes into a parameter",
        "change buffers in training mode alone (`if self.training`), and parameters never: optimisers do",
    ),
    Check(
        "states_are_whole",
        states_are_whole,
        "something that it computes with is neither a parameter nor a buffer: a plain attribute, a list of modules",
        "register tensors by register_buffer or nn.Parameter, modules as attributes, nn.ModuleList or nn.ModuleDict",
        required=False,
    ),
    Check(
        "copies_are_independent",
        copies_are_independent,
        "it keeps a tensor, a function or a module that is shared by its copies, in a class attribute or a closure",
        "keep what it computes with in parameters, buffers and submodules",
        required=False,
    ),
)
