"""Checks that evaluation does not depend on the inputs of training."""

import torch
from torch import Tensor, nn

from priorkit.engine import recomputed_statistics, running_statistics
from priorkit.interfaces import TrackingLayer, frozen_statistics
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import AnySubject, as_module

__all__ = ["STATISTICS"]

_BATCHES = 3
_SAMPLES = 16
_ALLOWED = 0.05
"""Largest difference of outputs, relative to their spread. Power iterations of a spectral norm cause small ones."""


def _of_another_kind(inputs: Inputs) -> Inputs:
    """Returns the samples as another phase may see them: darker, flatter images; shifted, wider codes and noise."""

    def changed(name: str, tensor: Tensor) -> Tensor:
        match name:
            case "image":
                return 0.2 * tensor - 0.7
            case "code" | "noise":
                return 3 * tensor + 2
        return tensor

    return {name: changed(name, tensor) for name, tensor in inputs.items()}


def _tracking(module: nn.Module) -> list[tuple[str, TrackingLayer]]:
    return [(name, layer) for name, layer in module.named_modules() if isinstance(layer, TrackingLayer)]


def training_leaves_no_memory(subject: AnySubject) -> None:
    """With batch-norm statistics recomputed, evaluation does not depend on the inputs seen in training.

    The buffers of a `TrackingLayer` are learned from its inputs, so they are restored before the evaluation.
    """
    batches = [
        subject.inputs(subject.component(), _SAMPLES, subject.case.seed + number) for number in range(_BATCHES + 1)
    ]
    passes = list(enumerate(subject.passes(subject.component())))
    single = [(index, one) for index, one in passes if not (one.whole_batch or one.mean)]
    if not single:
        raise NotApplicable(f"{passes[0][1].name} depends on the whole batch")
    for index, _ in single:
        outputs = []
        for shown in (batches[:_BATCHES], [_of_another_kind(inputs) for inputs in batches[:_BATCHES]]):
            component = subject.component()
            same: ForwardPass = subject.passes(component)[index]
            learned = [
                buffer for _, layer in _tracking(as_module(component)) for buffer in layer.buffers(recurse=False)
            ]
            kept = [buffer.clone() for buffer in learned]
            component.train()
            for inputs in shown:
                same.without_gradients(inputs)
            with torch.no_grad():
                for buffer, before in zip(learned, kept, strict=True):
                    buffer.copy_(before)
            component.eval()
            with recomputed_statistics(component):
                for inputs in batches[:_BATCHES]:
                    same.without_gradients(inputs)
            outputs.append(same.without_gradients(batches[_BATCHES]))
        has_batch_norm = bool(running_statistics(component))
        for name, first in outputs[0].items():
            spread = float(first.float().std()) if first.numel() > 1 else 1.0
            apart = float((first - outputs[1][name]).abs().max())
            require(
                apart <= _ALLOWED * max(spread, 1e-6),
                f"{name} in evaluation mode differs by up to {apart:.3g} after training on other inputs, although "
                + ("its batch-norm statistics were recomputed" if has_batch_norm else "it has no batch norm"),
            )


def tracking_layers_can_be_held(subject: AnySubject) -> None:
    """A `TrackingLayer` is not updated inside `frozen_statistics`, and its module needs the whole batch."""
    component = as_module(subject.component())
    layers = _tracking(component)
    if not layers:
        raise NotApplicable("it has no TrackingLayer, whose buffers follow its inputs")
    require(
        bool(getattr(component, "needs_whole_batch", False)),
        f"its layer {layers[0][0]!r} is a TrackingLayer, but needs_whole_batch is False",
        "if several processes train, each would track only its own part of the batch",
        "set `needs_whole_batch = True`",
    )
    before = subject.tensors(component)
    component.train()
    inputs = subject.inputs(component, _SAMPLES, subject.case.seed)
    with frozen_statistics(component):
        for one in subject.passes(component):
            one.outputs(inputs)
    moved = [name for name, tensor in subject.tensors(component).items() if not torch.equal(tensor, before[name])]
    require(not moved, f"inside frozen_statistics, a call in training mode changes {', '.join(map(repr, moved))}")


STATISTICS = (
    Check(
        "training_leaves_no_memory",
        training_leaves_no_memory,
        "a layer other than batch norm keeps running statistics (InstanceNorm with track_running_stats=True, batch "
        "renormalisation): phases give a network inputs of several kinds, and their common statistics fit none of them",
        "use torch's BatchNorm1d or BatchNorm2d, whose statistics are recomputed for every use; or a norm without "
        "statistics: GroupNorm, LayerNorm",
    ),
    Check(
        "tracking_layers_can_be_held",
        tracking_layers_can_be_held,
        "buffers are updated whenever the layer is in training mode",
        "update them only if `self.training and self.track_running_stats`",
        required=False,
    ),
)
