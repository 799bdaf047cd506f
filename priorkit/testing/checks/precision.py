"""Whether half precision and compilation leave results as they are."""

import torch
from torch import Tensor, nn

from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.subject import AnySubject

__all__ = ["PRECISION"]


def bfloat16_agrees(subject: AnySubject) -> None:
    """Under autocast to bfloat16 it computes nearly the same; losses and densities stay float32."""
    component = subject.component()
    inputs = subject.inputs(component, 16, subject.case.seed)
    for one in subject.passes(component):
        expected = one.without_gradients(inputs)
        with torch.autocast("cpu", torch.bfloat16):
            found = one.without_gradients(inputs)
        for name, output in found.items():
            require(
                not one.float32 or output.dtype == torch.float32,
                f"{name} is {output.dtype} under autocast, not float32",
                "it is computed in the precision of its inputs, which has 8 significant bits",
                "begin with `.float()`, or compute under `torch.autocast(device.type, enabled=False)`",
            )
            _near(output, expected[name], name)


def _near(found: Tensor, expected: Tensor, name: str) -> None:
    finite = expected.isfinite() & found.float().isfinite()
    require(bool((finite == expected.isfinite()).all()), f"{name} is infinite or not a number under autocast")
    error = (found.float() - expected)[finite].square().mean().sqrt()
    size = expected[finite].square().mean().sqrt()
    require(
        not finite.any() or float(error) <= 0.1 * float(size) + 0.02,
        f"{name} is {float(error):.3g} away under autocast, where its size is {float(size):.3g}",
    )


def compiled_agrees(subject: AnySubject) -> None:
    """Traced by torch.compile it computes the same, forward and backward."""
    component = subject.component()
    if not isinstance(component, nn.Module):
        raise NotApplicable("it is no module, and is not compiled")
    inputs = subject.inputs(component, 4, subject.case.seed)
    torch._dynamo.reset()
    for one in subject.passes(component):
        expected, outputs = one.outputs(inputs), one.compiled().outputs(inputs)
        for name, output in expected.items():
            if not torch.allclose(outputs[name], output, rtol=1e-3, atol=1e-4):
                worst = float((outputs[name] - output).abs().max())
                require(False, f"{name} is up to {worst:.3g} away when it is compiled")


PRECISION = (
    Check(
        "bfloat16_agrees",
        bfloat16_agrees,
        "a sum, an exponential or a difference of like numbers is computed in bfloat16",
        "begin with `.float()`, or compute under `torch.autocast(device.type, enabled=False)`",
    ),
    Check(
        "compiled_agrees",
        compiled_agrees,
        "it does something else when it is traced: a branch on torch.compiler.is_compiling, or Python state that a "
        "recorded pass does not see",
        "make outputs a function of the inputs, parameters and buffers alone",
        required=False,
    ),
)
