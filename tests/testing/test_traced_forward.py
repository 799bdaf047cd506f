"""The kit's backend of torch.compile, compared with a backend that also traces gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.testing.traced_forward import traced_forward

BACKENDS: list[Any] = [traced_forward, "aot_eager"]


def compiled(backend: Any) -> tuple[nn.Module, Any]:
    torch._dynamo.reset()
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return module, torch.compile(module, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_values_and_gradients_are_those_of_the_module(backend: Any) -> None:
    module, same = compiled(backend)
    codes = torch.randn(5, 3, requires_grad=True)
    expected, found = module(codes), same(codes)
    torch.testing.assert_close(found, expected)
    watched = [codes, *module.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(found.square().sum(), watched), torch.autograd.grad(expected.square().sum(), watched)
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_there_are_no_gradients_of_gradients(backend: Any) -> None:
    _, same = compiled(backend)
    codes = torch.randn(5, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(same(codes).sum(), codes, create_graph=True)
    with pytest.raises(RuntimeError, match=r"double backward"):
        slope.square().sum().backward()


def test_only_what_was_traced_is_differentiated_once() -> None:
    _, same = compiled(traced_forward)
    codes: Tensor = same(torch.randn(5, 3))
    (slope,) = torch.autograd.grad(codes.pow(3).sum(), codes, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), codes)
    torch.testing.assert_close(curvature, 6 * codes)
