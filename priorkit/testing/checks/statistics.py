"""Whether evaluation depends on what a network was shown in training."""

from torch import Tensor

from priorkit.engine import recomputed_statistics, running_statistics
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import AnySubject

__all__ = ["STATISTICS"]

_BATCHES = 3
_SAMPLES = 16
_ALLOWED = 0.05
"""Largest difference of outputs, as a share of their spread. Power iterations of a spectral norm make small ones."""


def _of_another_kind(inputs: Inputs) -> Inputs:
    """The same samples as another phase may show them: images darker and flatter, codes and noise moved and wider."""

    def changed(name: str, tensor: Tensor) -> Tensor:
        match name:
            case "image":
                return 0.2 * tensor - 0.7
            case "code" | "noise":
                return 3 * tensor + 2
        return tensor

    return {name: changed(name, tensor) for name, tensor in inputs.items()}


def training_leaves_no_memory(subject: AnySubject) -> None:
    """With its batch-norm statistics recomputed, a network evaluates alike whatever it was shown in training."""
    batches = [
        subject.inputs(subject.component(), _SAMPLES, subject.case.seed + number) for number in range(_BATCHES + 1)
    ]
    passes = list(enumerate(subject.passes(subject.component())))
    single = [(index, one) for index, one in passes if not (one.whole_batch or one.mean)]
    if not single:
        raise NotApplicable(f"{passes[0][1].name} is one of whole batches")
    for index, _ in single:
        outputs = []
        for shown in (batches[:_BATCHES], [_of_another_kind(inputs) for inputs in batches[:_BATCHES]]):
            component = subject.component()
            same: ForwardPass = subject.passes(component)[index]
            component.train()
            for inputs in shown:
                same.without_gradients(inputs)
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
                f"{name} in evaluation mode is up to {apart:.3g} away after training has shown it other inputs, though "
                + ("its batch norm's statistics were recomputed since" if has_batch_norm else "it has no batch norm"),
            )


STATISTICS = (
    Check(
        "training_leaves_no_memory",
        training_leaves_no_memory,
        "a layer other than batch norm keeps statistics of its own (InstanceNorm with track_running_stats=True, batch "
        "renormalisation): phases show a network inputs of several kinds, and one memory of all fits none",
        "use torch's BatchNorm1d or BatchNorm2d, whose statistics are recomputed for every use; or a norm without "
        "statistics: GroupNorm, LayerNorm",
    ),
)
