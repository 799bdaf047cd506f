"""What every code generator must do, held against all of them."""

import importlib
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from priorkit.interfaces import CodeGenerator
from priorkit.plugins import CodeGeneratorContext, installed_plugins

names = pytest.mark.parametrize("name", ["mlp", "residual"])
norms = pytest.mark.parametrize("output_norm", [True, False])
seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=5)


def component(name: str) -> Any:
    [found] = importlib.import_module(f"priorkit_plugins.{name}_code_generator").priorkit_code_generators()
    return found


def build(name: str, noise_dim: int = 8, code_dim: int = 5, hidden: int | None = None, **options: Any) -> CodeGenerator:
    found = component(name)
    generator: CodeGenerator = found.build(found.options(**options), CodeGeneratorContext(noise_dim, code_dim, hidden))
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
@norms
@few
@given(
    seed=seeds,
    noise_dim=st.integers(1, 9),
    code_dim=st.integers(1, 9),
    hidden=st.none() | st.integers(1, 9),
    scale=st.sampled_from([0.0, 1.0, 30.0]),
)
def test_shapes_dtype_and_finiteness(
    name: str, output_norm: bool, seed: int, noise_dim: int, code_dim: int, hidden: int | None, scale: float
) -> None:
    torch.manual_seed(seed)
    generator = build(name, noise_dim, code_dim, hidden, output_norm=output_norm)
    assert (generator.noise_dim, generator.code_dim) == (noise_dim, code_dim)
    for training, n in ((True, 3), (False, 1)):
        codes = generator.train(training)(scale * noise(seed, n, noise_dim))
        assert codes.shape == (n, code_dim)
        assert codes.dtype == torch.float32
        assert codes.isfinite().all()


@names
@norms
@few
@given(seed=seeds)
def test_gradients_reach_the_noise_and_every_parameter(name: str, output_norm: bool, seed: int) -> None:
    generator = seeded(name, seed, output_norm=output_norm)
    inputs = noise(seed, 16).requires_grad_()
    codes = generator(inputs)
    # Random weights, because the sum over a batch of what batch norm returns does not depend on its input.
    (codes * noise(seed + 1, 16, 5)).sum().backward()
    for label, tensor in [("noise", inputs), *generator.named_parameters()]:
        assert tensor.grad is not None, label
        assert tensor.grad.isfinite().all(), label
        assert tensor.grad.any(), label


@names
@few
@given(seed=seeds)
def test_samples_of_a_batch_are_independent_in_evaluation(name: str, seed: int) -> None:
    generator = seeded(name, seed)
    generator(noise(seed, 16))  # moves batch norm's statistics
    generator.eval()
    inputs = noise(seed + 1, 4)
    alone = torch.cat([generator(inputs[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(generator(inputs), alone, rtol=1e-4, atol=1e-5)


@names
@norms
@few
@given(seed=seeds)
def test_state_dict_carries_everything(name: str, output_norm: bool, seed: int) -> None:
    first, second = (seeded(name, seed + offset, output_norm=output_norm) for offset in range(2))
    inputs = noise(seed, 4)
    first(inputs)  # moves batch norm's statistics
    first.eval(), second.eval()
    assert not torch.equal(first(inputs), second(inputs))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(inputs), second(inputs))


@names
@few
@given(seed=seeds)
def test_the_seed_decides_the_initialisation(name: str, seed: int) -> None:
    first, again, other = (seeded(name, s).state_dict() for s in (seed, seed, seed + 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


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
@norms
def test_runs_on_the_meta_device(name: str, output_norm: bool) -> None:
    with torch.device("meta"):
        codes = build(name, output_norm=output_norm)(torch.empty(4, 8))
    assert codes.is_meta
    assert codes.shape == (4, 5)


@names
@few
@given(seed=seeds)
def test_bfloat16_changes_little(name: str, seed: int) -> None:
    generator = seeded(name, seed)
    inputs = noise(seed, 64)
    expected = generator(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        codes = generator(inputs)
    codes.float().square().mean().backward()
    assert (codes - expected).square().mean() <= 0.01 * expected.square().mean()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in generator.parameters())


@pytest.mark.parametrize(("name", "option"), [("mlp", "layers"), ("residual", "blocks")])
def test_depth_must_be_positive(name: str, option: str) -> None:
    with pytest.raises(ValidationError):
        component(name).options(**{option: 0})
