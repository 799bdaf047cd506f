"""What learns, and from what."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, Condition, ReconstructionLoss
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.phases import reached_by_phases
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import AnySubject

__all__ = ["GRADIENTS"]


def _random_sum(one: ForwardPass, inputs: Inputs) -> Tensor | None:
    """The outputs added up with random weights: unweighted, those of a normalised batch add up to a constant."""
    generator = torch.Generator().manual_seed(0)
    terms = [
        (output.float() * (torch.rand(output.shape, generator=generator) + 0.5)).sum()
        for output in one.outputs(inputs).values()
        if output.requires_grad
    ]
    return torch.stack(terms).sum() if terms else None


def _is_flat(one: ForwardPass, inputs: Inputs) -> bool:
    """Whether all samples have one output, such as the density of a box: there is nothing to descend."""
    outputs = one.without_gradients(inputs).values()
    return not one.mean and all(bool((output == output[:1]).all()) for output in outputs)


def gradients_reach_what_learns(subject: AnySubject) -> None:
    """Gradients reach every trainable parameter, and those inputs that must learn; others receive none."""
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
                f"a gradient of {one.name} reaches its input {name!r}, which nobody trains by it",
                "the input is not detached",
                f"detach {name!r} where it is read",
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
        "a detach, torch.no_grad, .data, .item() or a tensor made anew (torch.tensor(x)) cuts the graph; or a "
        "parameter is not used",
        "compute with the tensors themselves; register what is not trained as a buffer",
        required=False,
    ),
)
