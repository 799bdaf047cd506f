"""Fields over codes, and their guidance."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from priorkit.interfaces import CodeSpace
from priorkit.plugins import PriorContext
from priorkit_plugins.code_fields.field import CodeField
from priorkit_plugins.code_fields.guidance import guided, with_dropout
from priorkit_plugins.code_fields.making import make_field
from priorkit_plugins.code_fields.map_field import MapField
from priorkit_plugins.code_fields.options import FieldOptions
from priorkit_plugins.code_fields.vector_field import VectorField


def field_of(codes: CodeSpace, condition_dim: int = 0, **options: Any) -> CodeField:
    context = PriorContext(codes.dim, lambda *_: pytest.fail("no code generator"), condition_dim, codes=codes)
    return make_field(FieldOptions(**{"hidden": 8, "width": 4, **options}), context)


def test_maps_have_convolutions() -> None:
    assert isinstance(field_of(CodeSpace((6,))), VectorField)
    assert isinstance(field_of(CodeSpace((2, 4, 4))), MapField)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 4, 4), (3, 8, 8), (2, 16, 12), (2, 7, 8), (2, 32, 32)])
def test_fields_of_maps_see_all_of_the_map(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    field = field_of(CodeSpace(shape), 3)
    code = torch.randn(1, field.codes.dim, requires_grad=True)
    found = field(code, torch.tensor([0.5]), torch.eye(3)[:1])
    assert found.shape == code.shape
    # The place in the first corner depends on that in the last.
    found.view(-1, *shape)[0, 0, 0, 0].backward()
    assert code.grad is not None
    assert float(code.grad.view(-1, *shape)[0, :, -1, -1].abs().max()) > 0


@pytest.mark.parametrize("shape", [(5,), (2, 8, 8)])
def test_time_and_condition_matter(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    field = field_of(CodeSpace(shape), 2)
    code = torch.randn(1, field.codes.dim)
    outputs = [
        field(code, torch.tensor([time]), torch.eye(2)[[label]]) for time, label in ((0.2, 0), (0.8, 0), (0.2, 1))
    ]
    assert not torch.allclose(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])


class Sum(CodeField):
    """The code, the time and what the condition says, added up."""

    def __init__(self) -> None:
        super().__init__()
        self.codes, self.condition_dim = CodeSpace((2,)), 2

    def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        total = code + time[:, None]
        return total if condition is None else total + condition


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), weight=st.floats(0, 10))
def test_guidance_goes_further_to_the_condition(seed: int, weight: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    code, time = torch.randn(5, 2, generator=generator), torch.rand(5, generator=generator)
    condition = torch.randn(5, 2, generator=generator)
    found = guided(Sum(), code, time, condition, weight)
    torch.testing.assert_close(found, code + time[:, None] + (1 + weight) * condition, rtol=1e-4, atol=1e-4)
    assert torch.equal(guided(Sum(), code, time, None, weight), code + time[:, None])


def test_a_dropped_condition_is_zero() -> None:
    condition = torch.ones(3, 2)
    assert torch.equal(with_dropout(condition, torch.tensor([0.0, 0.3, 0.29]), 0.3)[:, 0], torch.tensor([0.0, 1, 0]))
    assert with_dropout(condition, torch.zeros(3), 0.0) is condition
    assert with_dropout(None, torch.zeros(3), 0.5) is None


def test_guidance_needs_a_condition_that_is_dropped() -> None:
    with pytest.raises(ValueError, match=r"^guidance is 2, which needs .*; add --prior\.condition-dropout 0\.1$"):
        field_of(CodeSpace((2,)), 3, guidance=2)
    for name, flag in (("guidance", "guidance"), ("condition_dropout", "condition-dropout")):
        message = rf"^{flag} is 0\.5, and there is no condition; use --condition labels, or leave out --prior\.{flag}$"
        with pytest.raises(ValueError, match=message):
            field_of(CodeSpace((2,)), **{name: 0.5})
