"""The encoder and the prior `categorical`."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Categorical, OneHotCategorical, RelaxedOneHotCategorical, kl_divergence

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Learning
from priorkit.training import Session
from priorkit_plugins.categorical_codes import CategoricalEncoderOptions
from priorkit_plugins.categorical_codes.distribution import OneHotGroups
from priorkit_plugins.categorical_codes.encoder import CategoricalEncoder
from priorkit_plugins.categorical_codes.prior import CategoricalPrior
from priorkit_plugins.kl.regularizer import KLRegularizer

seeds = st.integers(0, 2**63 - 1)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def encoder_of(**options: Any) -> CategoricalEncoder:
    return CategoricalEncoder(nn.Identity(), 6, 3, **options)


@settings(deadline=None, max_examples=20)
@given(groups=st.integers(1, 4), classes=st.integers(2, 5), seed=seeds)
def test_probabilities_and_divergences_are_those_of_torch(groups: int, classes: int, seed: int) -> None:
    logits, others = normal(seed, 3, groups, classes), normal(seed + 1, groups, classes)
    found, other = OneHotGroups(logits), OneHotGroups(others)
    picks = normal(seed + 2, 3, groups, classes)
    code = found.one_hot(picks)
    expected = OneHotCategorical(logits=logits).log_prob(code.view(3, groups, classes)).sum(1)
    torch.testing.assert_close(found.log_prob(code), expected)
    assert bool((found.log_prob(0.5 * code) == -math.inf).all())
    exact = kl_divergence(Categorical(logits=logits), Categorical(logits=others.expand_as(logits))).sum(1)
    torch.testing.assert_close(kl_divergence(found, other), exact, rtol=1e-4, atol=1e-5)


def test_draws_have_the_probabilities() -> None:
    n = 20_000
    logits = torch.tensor([0.5, -1.0, 0.0, 2.0, 0.0, 0.0])
    drawn = encoder_of().eval()(logits.expand(n, -1), normal(0, n, 6))
    shares = logits.view(2, 3).softmax(1).flatten()
    assert bool(((drawn.code.mean(0) - shares).abs() < 6 * (shares * (1 - shares) / n).sqrt()).all())
    prior = CategoricalPrior(6, 3, learned=True)
    with torch.no_grad():
        prior.logits.copy_(logits.view(2, 3))
    codes = prior.sample(n, generator=torch.Generator().manual_seed(1))
    assert bool(((codes.mean(0) - shares).abs() < 6 * (shares * (1 - shares) / n).sqrt()).all())


def test_relaxed_codes_are_those_of_torch() -> None:
    """They have the law of RelaxedOneHotCategorical: means and variances agree."""
    n, temperature = 20_000, 0.7
    logits = torch.tensor([0.5, -1.0, 0.0])
    encoder = CategoricalEncoder(nn.Identity(), 3, 3, temperatures=(1.0, temperature)).train()
    code = encoder(logits.expand(n, -1), normal(0, n, 3)).code
    torch.testing.assert_close(code.sum(1), torch.ones(n))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = RelaxedOneHotCategorical(torch.tensor(temperature), logits=logits).sample((n,))
    error = 6 * ((code.var(0) + drawn.var(0)) / n).sqrt()
    assert bool(((code.mean(0) - drawn.mean(0)).abs() < error).all())
    torch.testing.assert_close(code.var(0), drawn.var(0), rtol=0.05, atol=0)


def test_codes_are_one_hot_in_evaluation_and_straight_through() -> None:
    logits, noise = normal(0, 5, 6), normal(1, 5, 6)
    relaxed = encoder_of().train()(logits, noise).code
    hard = encoder_of().eval()(logits, noise)
    through = encoder_of(straight_through=True).train()
    leaf = logits.clone().requires_grad_()
    code = through(leaf, noise).code
    assert torch.equal(code, hard.code)
    assert torch.equal(hard.code.view(5, 2, 3).argmax(2), relaxed.view(5, 2, 3).argmax(2))
    assert set(hard.code.unique().tolist()) == {0.0, 1.0}
    # The gradient is that of the relaxation.
    weights = normal(2, 5, 6)
    [found] = torch.autograd.grad((code * weights).sum(), leaf)
    again = logits.clone().requires_grad_()
    [expected] = torch.autograd.grad((encoder_of().train()(again, noise).code * weights).sum(), again)
    torch.testing.assert_close(found, expected)
    # Without noise, it is the likeliest class of each group.
    assert torch.equal(encoder_of().eval()(logits).code.view(5, 2, 3).argmax(2), logits.view(5, 2, 3).argmax(2))


def test_the_temperature_falls_with_passes_in_training() -> None:
    logits, noise = normal(0, 5, 6), normal(1, 5, 6)
    encoder = encoder_of(temperatures=(2.0, 0.5), annealing=4).train()

    def code() -> Tensor:
        return encoder(logits, noise).code

    def at(temperature: float) -> Tensor:
        return encoder_of(temperatures=(1.0, temperature)).train()(logits, noise).code

    for temperature in (2.0, 2 / math.sqrt(2), 1.0, 1 / math.sqrt(2), 0.5, 0.5):
        torch.testing.assert_close(code(), at(temperature))
    # The count is saved; evaluation and passes without gradients do not count.
    restored = encoder_of(temperatures=(2.0, 0.5), annealing=4)
    restored.load_state_dict({"passes": torch.tensor(2)})
    encoder = restored.eval()
    code()
    encoder.train()
    with torch.no_grad():
        torch.testing.assert_close(code(), at(1.0))
    torch.testing.assert_close(code(), at(1.0))
    torch.testing.assert_close(code(), at(1 / math.sqrt(2)))
    assert encoder_of().state_dict() == {}


def test_kl_is_that_of_the_probabilities() -> None:
    posterior = encoder_of().train()(normal(0, 5, 6), normal(1, 5, 6))
    prior = CategoricalPrior(6, 3)
    assert posterior.distribution is not None
    found = KLRegularizer().encoder_terms(posterior, prior, posterior.code)["regularization"]
    entropies = Categorical(logits=normal(0, 5, 6).view(5, 2, 3)).entropy().sum(1)
    torch.testing.assert_close(found, (2 * math.log(3) - entropies).mean())
    # As are log-probabilities, on average over draws.
    n = 20_000
    many = encoder_of().eval()(normal(0, 1, 6).expand(n, -1), normal(3, n, 6))
    assert many.log_prob is not None
    estimates = many.log_prob - prior.log_prob(many.code)
    exact = float(2 * math.log(3) - Categorical(logits=normal(0, 1, 6).view(2, 3)).entropy().sum())
    assert abs(float(estimates.mean()) - exact) < 6 * float(estimates.std()) / n**0.5


def test_a_learned_prior_finds_the_shares_of_codes() -> None:
    codes = OneHotGroups(torch.zeros(2, 3)).one_hot(torch.tensor([0.0, 1.0, 1.5]).log() + normal(0, 900, 2, 3))
    prior = CategoricalPrior(6, 3, learned=True)
    assert prior.learning is Learning.LIKELIHOOD
    optimiser = torch.optim.Adam(prior.parameters(), lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        (-prior.log_prob(codes).mean()).backward()
        optimiser.step()
    torch.testing.assert_close(prior.logits.softmax(1).flatten().detach(), codes.mean(0), rtol=0, atol=0.01)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code_dim": 5}, "a code of 5 entries cannot be divided into groups of 2 classes; use --code-dim 4"),
        ({"encoder": {"classes": 4}}, "in 2 one-hot groups, and the encoder's in one-hot codes; .*as many groups"),
        ({"encoder": "gaussian"}, "--encoder categorical with --prior categorical"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(
    changes: dict[str, Any], words: str, tiny_session: Callable[..., Session]
) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        tiny_session("categorical-vae", **changes)
    assert "\n" not in str(error.value)


def test_a_temperature_that_would_rise_is_refused() -> None:
    with pytest.raises(ValidationError, match="must not be below its final value"):
        CategoricalEncoderOptions(temperature=0.1, annealing=5)
