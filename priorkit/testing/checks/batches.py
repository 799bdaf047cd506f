"""Checks that the samples of a batch do not influence each other."""

import torch

from priorkit.testing.check import Check, Defect, NotApplicable
from priorkit.testing.subject import AnySubject
from priorkit.testing.subjects.network_bodies import NetworksSubject

__all__ = ["BATCHES"]


def samples_are_independent(subject: AnySubject) -> None:
    """In evaluation mode, the outputs of a sample do not depend on the other samples of its batch."""
    component, n = subject.component(), 6
    inputs = subject.inputs(component, n, subject.case.seed)
    passes = [one for one in subject.passes(component) if not one.whole_batch]
    if not passes:
        raise NotApplicable("it declares that it needs the whole batch")
    for one in passes:
        together = one.without_gradients(inputs)
        parts = [
            one.without_gradients({name: tensor[i : i + size] for name, tensor in inputs.items()})
            for size in ([n // 2] if one.mean else [1])
            for i in range(0, n, size)
        ]
        for name, output in together.items():
            if one.mean:
                apart = torch.stack([part[name] for part in parts]).mean()
            else:
                apart = torch.cat([part[name] for part in parts])
            size = float(output[output.isfinite()].abs().max()) if output.isfinite().any() else 1.0
            if torch.allclose(apart, output, rtol=1e-3, atol=1e-4 * min(1.0, size)):
                continue
            if one.mean:
                ratio = float(output / apart) if float(apart) else 0.0
                raise Defect(
                    f"{name} of a batch is {float(output):.5g}, but the mean over its halves is {float(apart):.5g}",
                    "it is the sum over the batch, not the mean" if abs(ratio - 2) < 0.01 else "",
                    "divide by the number of samples" if abs(ratio - 2) < 0.01 else "",
                )
            worst = float((apart - output).abs().max())
            found = f"{name} of a sample changes by up to {worst:.3g} with the others in its batch"
            if isinstance(subject, NetworksSubject):
                raise Defect(
                    found,
                    "a mean, deviation or norm is taken over the batch (minibatch statistics, batch norm)",
                    "compute each sample by itself in evaluation mode, with running statistics instead of the batch's; "
                    "or list this check with the reason in `expected_failures`",
                )
            raise Defect(found)


BATCHES = (
    Check(
        "samples_are_independent",
        samples_are_independent,
        "a mean, norm or sort runs over the batch (batch norm in training mode, dim=0 instead of dim=1)",
        "compute each sample by itself in evaluation mode; a loss that must compare samples sets `needs_whole_batch`",
        required=False,
    ),
)
