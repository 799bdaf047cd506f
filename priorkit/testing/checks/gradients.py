"""Checks of where gradients arrive."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, Condition, ReconstructionLoss
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.phases import reached_by_phases
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import AnySubject

__all__ = ["GRADIENTS"]


def _random_sum(one: ForwardPass, inputs: Inputs) -> Tensor | None:
    """Returns the sum of the outputs with random weights; the plain sum of a normalised batch would be constant."""
    generator = torch.Generator().manual_seed(0)
    terms = [
        (output.float() * (torch.rand(output.shape, generator=generator) + 0.5)).sum()
        for output in one.outputs(inputs).values()
        if output.requires_grad
    ]
    return torch.stack(terms).sum() if terms else None


def _is_flat(one: ForwardPass, inputs: Inputs) -> bool:
    """Returns whether all samples have the same output, such as the density in a box: its gradient is 0."""
    outputs = one.without_gradients(inputs).values()
    return not one.mean and all(bool((output == output[:1]).all()) for output in outputs)


def gradients_reach_what_learns(subject: AnySubject) -> None:
    """Gradients reach every trainable parameter and every input that is trained through it, and no other input."""
    component = subject.component()
    module = component if isinstance(component, nn.Module) else None
    if module is not None:
        module.train()
    inputs = subject.inputs(component, 16, subject.case.seed)
    learning = {name: weight for name, weight in module.named_parameters() if weight.requires_grad} if module else {}
    reached: set[str] = set()
    passes = subject.passes(component)
    for one in passes:
        leaves = {
            name: tensor.detach().clone().requires_grad_(name in (*one.reaches, *one.spares))
            for name, tensor in inputs.items()
        }
        total = _random_sum(one, leaves)
        watched = {**{name: leaves[name] for name in (*one.reaches, *one.spares)}, **(learning if one.trains else {})}
        reaches = () if _is_flat(one, inputs) else one.reaches
        if total is None:
            require(not reaches, f"no gradient leaves {one.name}: its outputs are detached")
            continue
        gradients = (
            dict(zip(watched, torch.autograd.grad(total, list(watched.values()), allow_unused=True), strict=True))
            if watched
            else {}
        )
        for name in reaches:
            found = gradients[name]
            require(found is not None and bool(found.any()), f"no gradient of {one.name} reaches its input {name!r}")
        for name in one.spares:
            found = gradients[name]
            require(
                found is None or not bool(found.any()),
                f"a gradient of {one.name} reaches its input {name!r}, which it must not train",
                "the input is not detached",
                f"detach {name!r} before using it",
            )
        reached |= {name for name in learning if one.trains and gradients[name] is not None and gradients[name].any()}
    missed = sorted(learning.keys() - reached)
    if missed:
        missed = sorted(learning.keys() - reached - reached_by_phases(subject, component))
    if missed:
        trained_by = ", ".join(one.name for one in passes if one.trains)
        words = f"no gradient of {trained_by} reaches" if trained_by else "it is not said to learn, so nothing trains"
        message = f"{words} the parameters {', '.join(missed)}"
        if isinstance(component, ReconstructionLoss | AdversarialLoss | Condition):
            raise Defect(message, "losses and conditions are not trained", "use a buffer or an option")
        raise Defect(message)
    if not learning and not any(one.reaches for one in passes):
        raise NotApplicable("it has nothing to train")


GRADIENTS = (
    Check(
        "gradients_reach_what_learns",
        gradients_reach_what_learns,
        "the graph is cut by detach, torch.no_grad, .data, .item() or a new tensor (torch.tensor(x)), or a "
        "parameter is unused",
        "compute with the tensors themselves; register constants as buffers",
        required=False,
    ),
)
