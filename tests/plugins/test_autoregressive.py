"""The autoregressive prior of vectors."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.distributions import (
    AffineTransform,
    Categorical,
    MixtureSameFamily,
    Normal,
    SigmoidTransform,
    TransformedDistribution,
    Uniform,
)

from priorkit.interfaces import Learning
from priorkit_plugins.autoregressive import AutoregressiveOptions
from priorkit_plugins.autoregressive.masked import MaskedPrior
from priorkit_plugins.autoregressive.scalar_mixtures import ScalarMixtures, parameters_of, standard_noise
from priorkit_plugins.masked_network import MaskedNetwork, PassInTurn

seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(code_dim: int = 3, condition_dim: int = 0, components: int = 3, seed: int = 0, **options: Any) -> MaskedPrior:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = MaskedNetwork(code_dim, condition_dim, outputs=parameters_of(components), hidden=16, blocks=1)
        network.start.data.normal_()
        return MaskedPrior(network, **options)


@settings(deadline=None, max_examples=20)
@given(code_dim=st.integers(1, 7), condition_dim=st.integers(0, 2), hidden=st.integers(1, 20), seed=seeds)
def test_outputs_see_dimensions_before_them_alone(code_dim: int, condition_dim: int, hidden: int, seed: int) -> None:
    torch.manual_seed(seed)
    network = MaskedNetwork(code_dim, condition_dim, outputs=2, hidden=hidden, blocks=2).double()
    code = torch.randn(1, code_dim, dtype=torch.float64)
    condition = torch.randn(1, condition_dim, dtype=torch.float64) if condition_dim else None
    slopes = torch.autograd.functional.jacobian(lambda one: network(one[None], condition)[0].sum(1), code[0])
    assert not slopes.triu().any()
    outputs = PassInTurn(network).outputs(1, condition)
    found = [next(outputs), *(outputs.send(code[:, d]) for d in range(code_dim - 1))]
    torch.testing.assert_close(torch.stack(found, dim=1), network(code, condition))
    with pytest.raises(StopIteration):
        outputs.send(code[:, -1])


def test_a_wide_network_sees_all_dimensions_before_and_the_condition() -> None:
    torch.manual_seed(0)
    network = MaskedNetwork(4, 2, outputs=2, hidden=64, blocks=1)
    code, condition = torch.randn(4), torch.randn(2)

    def outputs(code: Tensor, condition: Tensor) -> Tensor:
        return network(code[None], condition[None])[0].sum(1)

    to_code, to_condition = torch.autograd.functional.jacobian(outputs, (code, condition))
    assert (to_code != 0).tolist() == torch.ones(4, 4).tril(-1).bool().tolist()
    assert to_condition.all()


@pytest.mark.parametrize("distribution", ["logistic", "normal"])
@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_mixtures_are_those_of_torch(distribution: Any, seed: int) -> None:
    draw = generator(seed)
    log_weights = torch.randn(5, 4, generator=draw, dtype=torch.float64).log_softmax(1)
    means, scales = torch.randn(2, 5, 4, generator=draw, dtype=torch.float64)
    scales = scales.exp()
    value = 3 * torch.randn(5, generator=draw, dtype=torch.float64)
    if distribution == "normal":
        parts: Any = Normal(means, scales)
    else:
        uniform = Uniform(torch.zeros_like(means), torch.ones_like(means))
        parts = TransformedDistribution(uniform, [SigmoidTransform().inv, AffineTransform(means, scales)])
    expected = torch.logsumexp(log_weights + parts.log_prob(value[:, None]), dim=1)
    found = ScalarMixtures(log_weights, means, scales, distribution).log_prob(value)
    torch.testing.assert_close(found, expected)
    if distribution == "normal":
        torch.testing.assert_close(found, MixtureSameFamily(Categorical(logits=log_weights), parts).log_prob(value))


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_a_uniform_number_picks_a_part_of_its_own_mixture(seed: int) -> None:
    draw = generator(seed)
    weights = torch.rand(6, 3, generator=draw).add(0.1)
    weights = weights / weights.sum(1, keepdim=True)
    means = torch.tensor([0.0, 10.0, 20.0]).expand(6, 3)
    uniform = torch.rand(6, generator=draw)
    drawn = ScalarMixtures(weights.log(), means, torch.ones(6, 3), "normal").draw(uniform, torch.zeros(6))
    for i in range(6):
        bounds = weights[i].cumsum(0)
        expected = 0 if uniform[i] < bounds[0] else 1 if uniform[i] < bounds[1] else 2
        assert float(drawn[i]) == 10 * expected


def test_logistic_noise_is_finite_and_logistic() -> None:
    noise = standard_noise("logistic", 100_000, generator=generator())
    assert noise.isfinite().all()
    assert float(noise.var()) == pytest.approx(math.pi**2 / 3, rel=0.03)
    assert torch.isfinite(torch.logit(torch.zeros(1), eps=2.0**-25)).all()


@settings(deadline=None, max_examples=20)
@given(code_dim=st.integers(1, 5), condition_dim=st.integers(0, 2), seed=seeds)
def test_noise_and_codes_belong_together(code_dim: int, condition_dim: int, seed: int) -> None:
    """With one part in each mixture, codes are an invertible function of noise, which gives them their density."""
    prior = make(code_dim, condition_dim, components=1, seed=seed, distribution="normal").double()
    prior.standardise(torch.full((code_dim,), 2.0), torch.full((code_dim,), 3.0))
    noise = prior.noise(1, generator=generator(seed)).double()
    condition = torch.randn(1, condition_dim, dtype=torch.float64, generator=generator(seed)) if condition_dim else None

    def code_of(within: Tensor) -> Tensor:
        return prior(torch.stack([noise[0, :, 0], within], dim=1)[None], condition)[0]

    slopes = torch.autograd.functional.jacobian(code_of, noise[0, :, 1])
    expected = Normal(0.0, 1.0).log_prob(noise[0, :, 1]).sum() - torch.linalg.slogdet(slopes).logabsdet
    torch.testing.assert_close(prior.log_prob(code_of(noise[0, :, 1])[None], condition)[0], expected)


def test_the_scale_of_codes_is_undone() -> None:
    prior = make()
    noise = prior.noise(50, generator=generator())
    codes = prior(noise)
    density = prior.log_prob(codes)
    prior.standardise(torch.tensor([1.0, -2.0, 5.0]), torch.tensor([2.0, 0.5, 1.0]))
    moved = prior(noise)
    torch.testing.assert_close(moved, codes * torch.tensor([2.0, 0.5, 1.0]) + torch.tensor([1.0, -2.0, 5.0]))
    torch.testing.assert_close(prior.log_prob(moved), density, rtol=1e-4, atol=1e-4)


def test_it_learns_what_no_product_of_dimensions_is() -> None:
    """Codes on a circle: the density is high there and low in the middle, which no dimension shows by itself."""
    prior = make(2, components=6)
    draw = generator()
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    for _ in range(300):
        angle = 2 * math.pi * torch.rand(128, generator=draw)
        code = torch.stack([angle.cos(), angle.sin()], dim=1) + 0.05 * torch.randn(128, 2, generator=draw)
        loss = -prior.log_prob(code).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    radius = prior.sample(1000, generator=draw).detach().norm(dim=1)
    assert float(((radius - 1).abs() < 0.3).float().mean()) > 0.85
    with torch.no_grad():
        on, middle = prior.log_prob(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    assert float(on - middle) > 2


def test_autocast_changes_nothing() -> None:
    prior = make(4, 2)
    noise, condition = prior.noise(9, generator=generator()), torch.randn(9, 2, generator=generator())
    with torch.no_grad():
        codes = prior(noise, condition)
        exact = prior.log_prob(codes, condition)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(prior(noise, condition), codes)
            assert torch.equal(prior.log_prob(codes, condition.bfloat16().float()).isfinite(), exact.isfinite())
            assert torch.equal(prior.log_prob(codes, condition), exact)


def test_a_conditional_one_needs_its_condition() -> None:
    prior = make(3, 2)
    assert prior.takes_condition
    assert prior.learning is Learning.LIKELIHOOD
    with pytest.raises(ValueError, match="--condition labels, embedding or text"):
        prior(prior.noise(2))
    with pytest.raises(ValueError, match="--condition labels, embedding or text"):
        prior.log_prob(torch.zeros(2, 3))


@pytest.mark.parametrize("options", [{"hidden": 0}, {"components": 0}, {"blocks": -1}, {"distribution": "laplace"}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AutoregressiveOptions.model_validate(options)
