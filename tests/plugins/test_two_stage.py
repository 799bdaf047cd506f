"""The prior `two-stage`."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from priorkit.interfaces import CodeSpace, Learning
from priorkit_plugins.two_stage.prior import TwoStagePrior


def make(code_dim: int = 2, **options: object) -> TwoStagePrior:
    torch.manual_seed(0)
    settings = {"latent_dim": 3, "hidden": 8, "layers": 1, **options}
    return TwoStagePrior(CodeSpace((code_dim,)), **settings)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_learns_minus_the_bound_in_nats(seed: int) -> None:
    prior = make()
    generator = torch.Generator().manual_seed(seed)
    code, noise = torch.randn(6, 2, generator=generator), prior.code_noise(6, generator=generator)
    prior.standardise(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 3.0]))
    with torch.no_grad():
        prior.log_gamma.fill_(-0.7)
        mean, log_variance = prior.encoder(prior.standardisation(code)).chunk(2, dim=1)
        posterior = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
        latent = mean + (0.5 * log_variance).exp() * noise
        decoded = prior.standardisation.inverse(prior.decoder(latent))
        of_code = Independent(Normal(decoded, math.exp(-0.7) * prior.standardisation.deviation), 1)
        standard = Independent(Normal(torch.zeros(6, 3), 1.0), 1)
        bound = of_code.log_prob(code) - kl_divergence(posterior, standard)
        torch.testing.assert_close(prior.code_loss(code, noise), -bound.mean(), rtol=1e-4, atol=1e-4)


def test_it_comes_close_to_the_density_of_normal_codes() -> None:
    """Of codes that a linear decoder gives, minus the bound comes down to their entropy, in closed form."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.tensor([[1.0, 0.0], [0.8, 0.5]])
    entropy = float(MultivariateNormal(torch.zeros(2), scale_tril=mixing).entropy())
    prior = make(latent_dim=2, hidden=32)
    codes = torch.randn(5000, 2, generator=generator) @ mixing.T + 3
    prior.standardise(codes.mean(0), codes.std(0))
    optimizer = torch.optim.Adam(prior.parameters(), 3e-3)
    losses = []
    for _ in range(600):
        batch = codes[torch.randint(5000, (128,), generator=generator)]
        loss = prior.code_loss(batch, prior.code_noise(128, generator=generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert entropy - 0.1 < sum(losses[-100:]) / 100 < entropy + 0.3
    drawn = prior.sample(5000, generator=generator).detach()
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), rtol=0, atol=0.2)
    torch.testing.assert_close(drawn.T.cov(), codes.T.cov(), rtol=0.25, atol=0.1)


def test_samples_have_the_noise_of_gamma_where_it_is_asked_for() -> None:
    with_noise, without = make(), make(observation_noise=False)
    assert (with_noise.noise(4).shape, without.noise(4).shape) == ((4, 5), (4, 3))
    without.load_state_dict(with_noise.state_dict())
    noise = with_noise.noise(4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        with_noise.log_gamma.fill_(-1.0)
        difference: Tensor = with_noise(noise) - without(noise[:, :3])
    torch.testing.assert_close(difference, math.exp(-1.0) * noise[:, 3:])


def test_it_takes_a_condition() -> None:
    prior = make(condition_dim=3)
    assert (prior.takes_condition, prior.learning, prior.has_density) == (True, Learning.CODES, False)
    noise = prior.noise(3, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(prior(noise, torch.eye(3)), prior(noise, torch.eye(3).roll(1, 0)))
    codes, drawn = torch.zeros(3, 2), prior.code_noise(3, generator=torch.Generator().manual_seed(0))
    assert prior.code_loss(codes, drawn, torch.eye(3)) != prior.code_loss(codes, drawn, torch.eye(3).roll(1, 0))


def test_it_computes_in_single_precision_in_use() -> None:
    prior = make().eval()
    noise, drawn = (draw(4, generator=torch.Generator().manual_seed(0)) for draw in (prior.noise, prior.code_noise))
    codes = prior(noise).detach()
    loss = prior.code_loss(codes, drawn)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(prior(noise), codes)
        assert torch.equal(prior.code_loss(codes, drawn), loss)
        rounded = prior.train()(noise)
        assert rounded.dtype == torch.float32
        assert not torch.equal(rounded, codes)
        assert not torch.equal(prior.code_loss(codes, drawn), loss)
