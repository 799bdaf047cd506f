"""What code generators have in common, beside what all of them must do."""

import importlib
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from priorkit.interfaces import CodeGenerator
from priorkit.plugins import CodeGeneratorContext
from priorkit.registry import installed_plugins

names = pytest.mark.parametrize("name", ["mlp", "residual"])
seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=5)


def component(name: str) -> Any:
    [found] = importlib.import_module(f"priorkit_plugins.{name}_code_generator").priorkit_code_generators()
    return found


def build(name: str, noise_dim: int = 8, code_dim: int = 5, **options: Any) -> CodeGenerator:
    found = component(name)
    generator: CodeGenerator = found.build(found.options(**options), CodeGeneratorContext(noise_dim, code_dim))
    return generator


def seeded(name: str, seed: int, **options: Any) -> CodeGenerator:
    torch.manual_seed(seed)
    return build(name, **options)


def noise(seed: int, n: int, noise_dim: int = 8) -> torch.Tensor:
    return torch.randn(n, noise_dim, generator=torch.Generator().manual_seed(seed))


@names
def test_is_installed_under_its_name(name: str) -> None:
    found = installed_plugins().get("code_generator", name)
    assert found.distribution == "priorkit"
    assert found.component.build is component(name).build


@names
@few
@given(seed=seeds)
def test_output_norm_standardises_the_codes_of_a_batch(name: str, seed: int) -> None:
    codes = seeded(name, seed, output_norm=True)(noise(seed, 256))
    torch.testing.assert_close(codes.mean(0), torch.zeros(5), rtol=0, atol=1e-4)
    torch.testing.assert_close(codes.var(0, correction=0), torch.ones(5), rtol=1e-2, atol=0)
    loose = seeded(name, seed, output_norm=False)(noise(seed, 256))
    assert (loose.var(0, correction=0) - 1).abs().max() > 0.01


@names
def test_the_width_is_an_option(name: str) -> None:
    for hidden, width in ((None, 16), (11, 11)):
        sizes = {size for weight in build(name, hidden=hidden).parameters() for size in weight.shape}
        assert sizes == {width, 8, 5}, hidden


@pytest.mark.parametrize(
    ("name", "option"), [("mlp", "layers"), ("residual", "blocks"), ("mlp", "hidden"), ("residual", "hidden")]
)
def test_depth_and_width_must_be_positive(name: str, option: str) -> None:
    with pytest.raises(ValidationError):
        component(name).options(**{option: 0})
