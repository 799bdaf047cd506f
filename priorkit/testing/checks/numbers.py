"""Checks of shapes, of dtypes, and for finite numbers."""

import torch
from torch import Tensor, nn

from priorkit.testing.check import Check, Defect, require
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.strategies import sizes_and_seeds
from priorkit.testing.subject import AnySubject

__all__ = ["NUMBERS"]


_FLOATS = (
    "a float64 tensor, a numpy array or an integer takes part in the computation",
    "give constants the dtype of the tensors that they meet (torch.full_like, Tensor.new_tensor)",
)
_WHOLE = ("indices are computed as floating-point numbers", "return indices as int64: `.long()`")


def _check_shapes(one: ForwardPass, outputs: dict[str, Tensor], n: int) -> None:
    for name, output in outputs.items():
        require(
            n > 1 or not bool(output.isnan().any()),
            f"{name} of a single sample is not a number",
            "a deviation or a covariance of one sample divides by 0",
            "refuse a single sample with a ConfigurationError, or divide by the number of samples (unbiased=False)",
        )
        expected = one.shape(n)
        if tuple(output.shape) != expected:
            cause = fix = ""
            if one.name == "log_prob" and output.ndim == 2:
                cause = "the log-density is not summed over the dimensions of a code"
                fix = "sum over the last dimension: a code has one joint log-density"
            elif one.mean and output.ndim:
                cause, fix = "it is not averaged over the batch", "return the mean over the batch, a scalar"
            raise Defect(f"{name} has shape {tuple(output.shape)} for {n} samples, not {expected}", cause, fix)
        require(
            output.dtype == one.dtype,
            f"{name} is {output.dtype}, not {str(one.dtype).removeprefix('torch.')}",
            *(_FLOATS if one.dtype == torch.float32 else _WHOLE),
        )


def shapes_and_dtypes(subject: AnySubject) -> None:
    """Outputs have the shapes and dtypes of the interface, for batches of any size."""
    component = subject.component()

    for n, seed in sizes_and_seeds(subject.examples, subject.case.seed):
        inputs = subject.inputs(component, n, seed)
        for one in subject.passes(component):
            try:
                outputs = one.without_gradients(inputs)
            except ValueError as error:
                if n > 1:
                    raise
                # A component that compares the samples of a batch may refuse a single sample.
                require(
                    one.whole_batch,
                    f"{one.name} refuses a single sample: {' '.join(str(error).split())}",
                    "it compares the samples of a batch, but does not declare so",
                    "set `needs_whole_batch` if the interface has it; otherwise compute each sample by itself",
                )
            else:
                _check_shapes(one, outputs, n)

    if isinstance(component, nn.Module):
        component.train()
        inputs = subject.inputs(component, 4, subject.case.seed)
        for one in subject.passes(component):
            _check_shapes(one, one.outputs(inputs), 4)


def _check_finite(one: ForwardPass, inputs: Inputs, component: object, words: str) -> None:
    leaves = {
        name: tensor.detach().clone().requires_grad_(tensor.is_floating_point()) for name, tensor in inputs.items()
    }
    total = torch.zeros(())
    for name, output in one.outputs(leaves).items():
        allowed = output.isfinite() | (output == -torch.inf if one.zero_density else False)
        require(bool(allowed.all()), f"{name} of {words} has values that are infinite or not a number")
        if output.requires_grad:
            total = total + output[output.isfinite()].float().sum()
    if not total.requires_grad:
        return
    weights = dict(component.named_parameters()) if isinstance(component, nn.Module) else {}
    watched = {**leaves, **{name: weight for name, weight in weights.items() if weight.requires_grad}}
    watched = {name: tensor for name, tensor in watched.items() if tensor.requires_grad}
    gradients = torch.autograd.grad(total, list(watched.values()), allow_unused=True)
    for name, gradient in zip(watched, gradients, strict=True):
        require(
            gradient is None or bool(gradient.isfinite().all()),
            f"the gradient of {one.name} of {words} with respect to {name!r} is infinite or not a number",
        )


def finite_numbers(subject: AnySubject) -> None:
    """Outputs and their gradients are finite, for usual, large, tiny and blank inputs."""
    component = subject.component()
    many = 64
    usual = ("usual inputs", subject.inputs(component, many, subject.case.seed))
    for words, inputs in (usual, *subject.extreme_inputs(component)):
        for one in subject.passes(component):
            _check_finite(one, inputs, component, words)


NUMBERS = (
    Check(
        "shapes_and_dtypes",
        shapes_and_dtypes,
        "a dimension is lost or added: by a squeeze, a sum or mean over the wrong dimension, or a hard-coded size",
        "compare the code with the shapes in the interface's docstring",
    ),
    Check(
        "finite_numbers",
        finite_numbers,
        "an exponential overflows, or a logarithm, root or quotient is taken of 0; torch.where hides such a value, but "
        "not its gradient",
        "compute in the log domain (logsumexp, softplus, log1p), clamp arguments, not results, add an epsilon to roots",
    ),
)
