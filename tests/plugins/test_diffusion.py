"""The prior `diffusion`."""

import math
from itertools import pairwise
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import Tensor

from priorkit.interfaces import CodeSpace, Learning
from priorkit.plugins import PriorContext
from priorkit_plugins.code_fields.field import CodeField
from priorkit_plugins.code_fields.vector_field import VectorField
from priorkit_plugins.diffusion import DiffusionOptions, priorkit_priors
from priorkit_plugins.diffusion.prior import DiffusionPrior
from priorkit_plugins.diffusion.schedule import cosine_schedule, sampler_levels

Target = Literal["v", "noise"]
either_target = pytest.mark.parametrize("predict", ["v", "noise"])


class Exact(CodeField):
    """The best prediction for codes from N(mean, deviation^2 I), in closed form: linear in x_t.

    E[c | x_t] = mean + alpha deviation^2 / (alpha^2 deviation^2 + sigma^2) (x_t - alpha mean), and e and v follow.
    """

    def __init__(self, mean: Tensor, deviation: float, predict: Target, levels: int = 1000) -> None:
        super().__init__()
        self.codes, self.condition_dim = CodeSpace((len(mean),)), 0
        self.mean, self.deviation, self.predict, self.levels = mean, deviation, predict, levels
        self.signal, self.scale = (part.float() for part in cosine_schedule(levels))

    def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        level = (time * self.levels).round().long()
        signal, scale = self.signal[level][:, None], self.scale[level][:, None]
        variance = self.deviation**2
        shrunk = signal * variance / (signal.square() * variance + scale.square())
        found = self.mean + shrunk * (code - signal * self.mean)
        noise = (code - signal * found) / scale
        return noise if self.predict == "noise" else signal * noise - scale * found


def test_the_schedule_is_that_of_the_paper() -> None:
    signal, scale = cosine_schedule(1000)
    torch.testing.assert_close(signal.square() + scale.square(), torch.ones(1001, dtype=torch.float64))
    assert (signal.diff() < 0).all()
    assert (float(signal[0]), float(scale[0])) == (1.0, 0.0)

    def cosine(t: int) -> float:
        return math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    for t in (1, 250, 500, 999):
        assert float(signal[t]) ** 2 == pytest.approx(cosine(t) / cosine(0), rel=1e-9)
    # The last beta is clipped.
    assert float(signal[1000] / signal[999]) ** 2 == pytest.approx(0.001, rel=1e-6)


@settings(deadline=None)
@given(levels=st.integers(2, 1000), data=st.data())
def test_the_sampler_goes_down_to_the_code(levels: int, data: st.DataObject) -> None:
    steps = data.draw(st.integers(1, levels))
    path = sampler_levels(cosine_schedule(levels)[0], steps)
    assert len(path) == steps + 1
    assert path[-1] == 0
    assert levels >= path[0] > 0
    assert all(before > after for before, after in pairwise(path))


@either_target
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), eta=st.sampled_from([0.0, 0.5, 1.0]))
def test_a_single_code_comes_back_exactly(predict: Target, seed: int, eta: float) -> None:
    """Of one code alone, all that is left at a level is noise: whatever is drawn anew, every step ends at it."""
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(3, generator=generator)
    prior = DiffusionPrior(Exact(mean, 0.0, predict), steps=7, eta=eta, predict=predict)
    drawn = prior(prior.noise(20, generator=generator))
    torch.testing.assert_close(drawn, mean.expand(20, 3), rtol=0, atol=1e-3)


@either_target
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_between_two_levels_noise_is_as_much_as_the_lower_one_has(predict: Target, eta: float) -> None:
    """DDIM's marginals (Song et al. 2021, Lemma 1): x_s of one code is N(alpha_s c, sigma_s^2 I), for any eta."""
    mean = torch.tensor([1.0, -2.0])
    prior = DiffusionPrior(Exact(mean, 0.0, predict), steps=7, eta=eta, predict=predict)
    levels = prior.path
    for stop in (2, 5):
        # Stopped on the way, where codes have noise.
        prior.path = levels[: stop + 1]
        generator = torch.Generator().manual_seed(stop)
        start = prior.signal[levels[0]] * mean + prior.noise_scale[levels[0]] * torch.randn(
            4000, 2, generator=generator
        )
        new = torch.randn(4000, stop, 2, generator=generator)
        found = prior(start if eta == 0 else torch.cat([start[:, None], new], dim=1))
        centred = (found - prior.signal[levels[stop]] * mean) / prior.noise_scale[levels[stop]]
        for dimension in range(2):
            assert kstest(centred[:, dimension].numpy(), "norm").pvalue > 1e-6


@either_target
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), deviation=st.floats(0.2, 2.0))
def test_the_exact_network_gives_the_exact_distribution(predict: Target, seed: int, deviation: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(3, generator=generator)
    prior = DiffusionPrior(Exact(mean, deviation, predict), steps=200, predict=predict)
    noise = prior.noise(400, generator=generator)
    # The probability flow of a normal distribution is linear: every code is mean + deviation * noise.
    torch.testing.assert_close(prior(noise), mean + deviation * noise, rtol=0.03, atol=0.1)
    drawn = DiffusionPrior(Exact(mean, deviation, predict), steps=200, eta=1.0, predict=predict)
    codes = drawn(drawn.noise(400, generator=generator))
    assert kstest(((codes - mean) / deviation).flatten().numpy(), "norm").pvalue > 1e-6


@either_target
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), deviation=st.floats(0.3, 2.0))
def test_the_loss_of_the_exact_network_is_the_least_there_is(predict: Target, seed: int, deviation: float) -> None:
    """The variance of what is predicted that x_t leaves open: of e, alpha^2 d^2 / (alpha^2 d^2 + sigma^2)."""
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(4, generator=generator)
    prior = DiffusionPrior(Exact(mean, deviation, predict), predict=predict)
    codes = mean + deviation * torch.randn(20_000, 4, generator=generator)
    noise = prior.code_noise(len(codes), generator=generator)
    loss = prior.code_loss(codes, noise)
    signal, scale = (part[1:] for part in cosine_schedule(1000))
    open_noise = (signal * deviation).square() / ((signal * deviation).square() + scale.square())
    # v = e / alpha - sigma / alpha x_t, so that its variance is that of e over alpha^2.
    least = open_noise if predict == "noise" else open_noise / signal.square()
    torch.testing.assert_close(loss.double(), least.mean(), rtol=0.05, atol=0)
    # Of the same noise: that of another draw would differ by more than the network does.
    worse = DiffusionPrior(Exact(mean + 1, deviation, predict), predict=predict)
    assert worse.code_loss(codes, noise) > loss


def test_standardised_codes_come_back() -> None:
    torch.manual_seed(0)
    prior = DiffusionPrior(VectorField(2, hidden=8, layers=1), steps=3)
    noise = prior.noise(5)
    before = prior(noise)
    prior.standardise(torch.tensor([3.0, -1.0]), torch.tensor([2.0, 0.5]))
    torch.testing.assert_close(prior(noise), torch.tensor([3.0, -1.0]) + torch.tensor([2.0, 0.5]) * before)


def test_each_class_has_its_own_codes() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    prior = DiffusionPrior(VectorField(2, 2, hidden=32, layers=2), steps=5, condition_dropout=0.1)
    optimizer = torch.optim.Adam(prior.parameters(), 3e-3)
    classes = torch.eye(2).repeat(64, 1)
    for _ in range(200):
        codes = 2 * classes - 1 + 0.2 * torch.randn(128, 2, generator=generator)
        loss = prior.code_loss(codes, prior.code_noise(128, generator=generator), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    drawn = prior.sample(128, condition=classes, generator=generator).detach()
    assert torch.equal(drawn.argmax(1), classes.argmax(1))
    # Guidance moves them away from the other class's.
    noise = prior.noise(128, generator=generator)
    plain = prior(noise, classes).detach()
    prior.guidance = 2.0
    difference = ((prior(noise, classes).detach() - plain) * (2 * classes - 1)).sum(1)
    assert float(difference.mean()) > 0


def make(**options: Any) -> DiffusionPrior:
    (component,) = priorkit_priors()
    context = PriorContext(2, lambda *_: pytest.fail("no code generator"))
    prior = component.build(DiffusionOptions(hidden=4, layers=1, **options), context)
    assert isinstance(prior, DiffusionPrior)
    return prior


def test_what_it_is() -> None:
    prior = make(steps=5, noise_levels=50, eta=0.5, fits=2)
    assert (prior.learning, prior.code_steps, prior.has_density) == (Learning.CODES, 2, False)
    assert prior.noise(3).shape == (3, 5, 2)
    assert make(steps=5).noise(3).shape == (3, 2)
    with pytest.raises(ValueError, match=r"^there are 10 noise levels, fewer than 20 steps; use --prior\.steps 10 or"):
        make(noise_levels=10)
