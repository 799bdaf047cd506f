"""Checks that half precision and compilation do not change results."""

from collections.abc import Mapping

import torch
from torch import Tensor

from priorkit.testing.check import Check, require
from priorkit.testing.forward_pass import ForwardPass
from priorkit.testing.subject import AnySubject, as_module

__all__ = ["PRECISION"]

_MAY_FLIP = 0.1
"""Share of the elements that may differ by more: where values are rounded or compared, some flip."""


def bfloat16_agrees(subject: AnySubject) -> None:
    """Under autocast and with bfloat16 inputs, outputs are nearly the same; losses and densities stay float32."""
    component = subject.component()
    inputs = subject.inputs(component, 16, subject.case.seed)
    for one in subject.passes(component):
        expected = one.without_gradients(inputs)
        with torch.autocast("cpu", torch.bfloat16):
            _near(one, one.without_gradients(inputs), expected, "under autocast")
        if one.float32:
            # Under autocast, networks return bfloat16.
            made = {name for name in (*one.reaches, *subject.computed) if name in inputs}
            halves = {name: tensor.bfloat16() if name in made else tensor for name, tensor in inputs.items()}
            exact = {name: tensor.float() if name in made else tensor for name, tensor in halves.items()}
            with torch.autocast("cpu", torch.bfloat16):
                found = one.without_gradients(halves)
            _near(one, found, one.without_gradients(exact), "with bfloat16 inputs")


def _near(one: ForwardPass, found: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    for name, exact in expected.items():
        output = found[name]
        require(
            not one.float32 or output.dtype == torch.float32,
            f"{name} {where} is {output.dtype}, not float32",
            "it is computed in the precision of its inputs, 8 significant bits",
            "begin with `.float()`, and disable autocast around matrix products",
        )
        finite = exact.isfinite() & output.float().isfinite()
        require(bool((finite == exact.isfinite()).all()), f"{name} {where} is infinite or not a number")
        errors = (output.float() - exact.float())[finite]
        error = float(errors.square().mean().sqrt()) if finite.any() else 0.0
        size = float(exact.float()[finite].square().mean().sqrt()) if finite.any() else 0.0
        most = 0.1 * size + 0.02
        flipped = not one.mean and float((errors.abs() > most).float().mean()) <= _MAY_FLIP
        require(error <= most or flipped, f"{name} {where} is off by {error:.3g}, where its size is {size:.3g}")


def compiled_agrees(subject: AnySubject) -> None:
    """Traced by torch.compile, it computes the same, forward and backward."""
    component = as_module(subject.component())
    inputs = subject.inputs(component, 4, subject.case.seed)
    weights = {name: weight for name, weight in component.named_parameters() if weight.requires_grad}
    torch._dynamo.reset()
    for one in subject.passes(component):
        leaves = {
            name: tensor.detach().clone().requires_grad_() if name in one.reaches else tensor
            for name, tensor in inputs.items()
        }
        watched = {**weights, **{name: leaves[name] for name in one.reaches}}
        expected, found = one.outputs(leaves), one.compiled().outputs(leaves)
        for name, output in expected.items():
            _same(name, found[name], output)
        compiled = _gradients(found, watched)
        for name, gradient in _gradients(expected, watched).items():
            _same(f"the gradient of {one.name} with respect to {name!r}", compiled[name], gradient)


def _same(what: str, found: Tensor, expected: Tensor) -> None:
    apart = (
        0.0 if torch.allclose(found, expected, rtol=1e-3, atol=1e-4) else float((found - expected).detach().abs().max())
    )
    require(apart == 0, f"{what} differs by up to {apart:.3g} when it is compiled")


def _gradients(outputs: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    sums = [output.float().square().sum() for output in outputs.values() if output.requires_grad]
    if not sums or not weights:
        return {}
    found = torch.autograd.grad(
        torch.stack(sums).sum(), list(weights.values()), retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return dict(zip(weights, found, strict=True))


PRECISION = (
    Check(
        "bfloat16_agrees",
        bfloat16_agrees,
        "a sum, an exponential or a difference of nearly equal numbers is computed in bfloat16",
        "begin with `.float()`, and disable autocast around matrix products",
    ),
    Check(
        "compiled_agrees",
        compiled_agrees,
        "it behaves differently when traced: a branch on torch.compiler.is_compiling, or Python state that the trace "
        "does not see",
        "compute outputs from the inputs, parameters and buffers alone",
        required=False,
        costly=True,
    ),
)
