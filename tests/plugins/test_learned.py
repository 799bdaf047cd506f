"""The prior `learned`."""

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from priorkit.interfaces import CodeGenerator, Learning, Prior
from priorkit.plugins import CodeGeneratorContext, PriorContext
from priorkit.registry import Registered, installed_plugins
from priorkit_plugins.learned import LearnedOptions, priorkit_priors

GENERATORS = installed_plugins().components("code_generator")

every_generator = pytest.mark.parametrize("item", GENERATORS, ids=[item.component.name for item in GENERATORS])


class LinearGenerator(CodeGenerator):
    def __init__(self, noise_dim: int, code_dim: int) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.code_dim = code_dim
        self.linear = nn.Linear(noise_dim, code_dim)

    def forward(self, noise: Tensor) -> Tensor:
        return self.linear(noise)


def make(code_dim: int = 3, noise_dim: int = 5) -> Prior:
    (component,) = priorkit_priors()
    assert component.name == "learned"
    context = PriorContext(code_dim, lambda noise_dim, condition_dim: LinearGenerator(noise_dim, code_dim))
    return component.build(LearnedOptions(noise_dim=noise_dim), context)


def make_with(item: Registered, code_dim: int = 4, **options: int) -> Prior:
    def code_generator(noise_dim: int, condition_dim: int) -> CodeGenerator:
        context = CodeGeneratorContext(noise_dim + condition_dim, code_dim, condition_dim)
        return item.component.build(item.component.options(), context)

    (component,) = priorkit_priors()
    return component.build(LearnedOptions(**options), PriorContext(code_dim, code_generator))


@pytest.mark.parametrize("condition_dim", [0, 2])
@pytest.mark.parametrize(("options", "noise_dim"), [({}, 64), ({"noise_dim": 7}, 7)])
def test_the_code_generator_is_told_of_noise_and_condition(
    options: dict[str, int], noise_dim: int, condition_dim: int
) -> None:
    calls = []

    def code_generator(noise_dim: int, condition_dim: int) -> CodeGenerator:
        calls.append((noise_dim, condition_dim))
        return LinearGenerator(noise_dim + condition_dim, 3)

    (component,) = priorkit_priors()
    prior = component.build(LearnedOptions(**options), PriorContext(3, code_generator, condition_dim))
    assert calls == [(noise_dim, condition_dim)]
    assert prior.takes_condition == (condition_dim > 0)
    assert prior.noise(1).shape == (1, noise_dim)


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 9), code_dim=st.integers(1, 9), noise_dim=st.integers(1, 9), seed=st.integers(0, 2**63 - 1))
def test_codes_are_what_the_code_generator_makes_of_noise(n: int, code_dim: int, noise_dim: int, seed: int) -> None:
    prior = make(code_dim, noise_dim)
    assert prior.code_dim == code_dim
    before = torch.get_rng_state()
    noise = prior.noise(n, generator=torch.Generator().manual_seed(seed))
    codes = prior.sample(n, generator=torch.Generator().manual_seed(seed))
    other = prior.noise(n, generator=torch.Generator().manual_seed(seed ^ 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert noise.shape == (n, noise_dim)
    assert noise.dtype == torch.float32
    assert not torch.equal(noise, other)
    assert codes.shape == (n, code_dim)
    weight, bias = prior.parameters()
    torch.testing.assert_close(codes, noise @ weight.T + bias)


def test_the_noise_is_standard_normal() -> None:
    noise = make(noise_dim=4).noise(20_000, generator=torch.Generator().manual_seed(0))
    assert scipy.stats.kstest(noise.flatten().numpy(), "norm").pvalue > 1e-8


@every_generator
def test_gradients_reach_every_parameter_of_the_code_generator(item: Registered) -> None:
    prior = make_with(item, noise_dim=6)
    codes = prior.sample(8, generator=torch.Generator().manual_seed(0))
    # Not a sum: batch norm takes that away.
    codes.pow(3).sum().backward()
    parameters = dict(prior.named_parameters())
    assert parameters
    assert all(name.startswith("code_generator.") for name in parameters)
    for name, parameter in parameters.items():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@every_generator
def test_in_evaluation_a_code_depends_on_its_own_noise_alone(item: Registered) -> None:
    prior = make_with(item, noise_dim=6).eval()
    noise = prior.noise(8, generator=torch.Generator().manual_seed(0))
    together, one = prior(noise), prior(noise[2:3])
    torch.testing.assert_close(one, together[2:3])
    assert torch.equal(prior(noise), together)


def test_it_learns_by_fooling_and_has_no_density() -> None:
    prior = make()
    assert prior.learning is Learning.ADVERSARIAL
    assert not prior.has_density
    with pytest.raises(TypeError, match="LearnedPrior has no density: it can only be sampled"):
        prior.log_prob(torch.zeros(2, 3))
    with pytest.raises(TypeError, match="LearnedPrior is not one of"):
        prior.distribution()
