import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, kstest
from torch import Tensor

from priorkit.interfaces import CodeSpace, Learning
from priorkit_plugins.code_fields.field import CodeField
from priorkit_plugins.code_fields.vector_field import VectorField
from priorkit_plugins.flow_matching.prior import FlowMatchingPrior


class Exact(CodeField):
    """The velocity that carries N(0, I) to N(mean, deviation^2), in closed form.

    (c - e, z_t) are jointly normal for z_t = (1 - t) e + t c, and the velocity is the mean of c - e given z_t.
    """

    def __init__(self, mean: Tensor, deviation: float) -> None:
        super().__init__()
        self.mean, self.variance = mean, deviation**2
        self.codes, self.condition_dim = CodeSpace((len(mean),)), 0

    def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
        t = time[:, None]
        covariance = t * self.variance - (1 - t)
        return self.mean + covariance / self.spread(t) * (code - t * self.mean)

    def spread(self, t: Tensor) -> Tensor:
        return (1 - t).square() + t.square() * self.variance


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32), deviation=st.floats(0.1, 2.0))
def test_the_exact_velocity_gives_the_exact_distribution(seed: int, deviation: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    mean = 2 * torch.randn(3, generator=generator)
    prior = FlowMatchingPrior(Exact(mean, deviation), steps=40)
    noise = prior.noise(400, generator=generator)
    # The flow of a normal distribution is linear: every code is mean + deviation * noise.
    torch.testing.assert_close(prior(noise), mean + deviation * noise, rtol=0, atol=0.02 * (1 + 1 / deviation) * 3)
    for dimension in range(3):
        standard = (prior(noise)[:, dimension] - mean[dimension]) / deviation
        assert kstest(standard.numpy(), "norm").pvalue > 1e-6


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32), deviation=st.floats(0.3, 2.0))
def test_the_loss_of_the_exact_velocity_is_the_least_there_is(seed: int, deviation: float) -> None:
    """The variance of c - e that z_t leaves open, averaged over t by quadrature."""
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(4, generator=generator)
    exact = Exact(mean, deviation)
    prior = FlowMatchingPrior(exact, times=8)
    codes = mean + deviation * torch.randn(4000, 4, generator=generator)
    loss = prior.code_loss(codes, prior.code_noise(4000, generator=generator))
    t = torch.linspace(0, 1, 2001, dtype=torch.float64)
    covariance = t * exact.variance - (1 - t)
    least = torch.trapezoid(1 + exact.variance - covariance.square() / exact.spread(t), t)
    torch.testing.assert_close(loss.double(), least, rtol=0.05, atol=0)
    moved = FlowMatchingPrior(Exact(mean + 0.5, deviation), times=8)
    worse = moved.code_loss(codes, prior.code_noise(4000, generator=generator))
    assert worse > loss


def test_it_learns_two_separate_modes() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    prior = FlowMatchingPrior(VectorField(2, hidden=64, layers=3), steps=10)
    optimizer = torch.optim.Adam(prior.parameters(), 3e-3)

    def codes(n: int) -> Tensor:
        sides = torch.randint(2, (n, 1), generator=generator) * 4.0 - 2
        return torch.cat([sides, torch.zeros(n, 1)], dim=1) + 0.3 * torch.randn(n, 2, generator=generator)

    for _ in range(600):
        loss = prior.code_loss(codes(128), prior.code_noise(128, generator=generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    drawn = prior.sample(2000, generator=generator).detach()
    left = drawn[:, 0] < 0
    assert 0.35 < float(left.float().mean()) < 0.65
    between = (drawn[:, 0].abs() < 1).float().mean()
    assert float(between) < 0.1
    for side, centre in ((left, -2.0), (~left, 2.0)):
        assert abs(float(drawn[side, 0].mean()) - centre) < 0.25
        assert float(drawn[side, 1].std()) == pytest.approx(0.3, abs=0.15)


def test_each_class_has_its_own_codes() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    prior = FlowMatchingPrior(VectorField(2, 2, hidden=64, layers=2), steps=10)
    optimizer = torch.optim.Adam(prior.parameters(), 3e-3)
    classes = torch.eye(2).repeat(64, 1)
    for _ in range(400):
        codes = classes * 3 + 0.2 * torch.randn(128, 2, generator=generator)
        loss = prior.code_loss(codes, prior.code_noise(128, generator=generator), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    drawn = prior.sample(128, condition=classes, generator=generator).detach()
    assert torch.equal(drawn.argmax(1), classes.argmax(1))


def test_conditions_are_dropped_for_guidance() -> None:
    seen = []

    class Looks(VectorField):
        def forward(self, code: Tensor, time: Tensor, condition: Tensor | None = None) -> Tensor:
            seen.append(condition)
            return super().forward(code, time, condition)

    prior = FlowMatchingPrior(Looks(2, 3, hidden=4, layers=1), times=2, condition_dropout=0.25)
    generator = torch.Generator().manual_seed(0)
    noise = prior.code_noise(1000, generator=generator)
    assert noise.shape == (1000, 2, 4)
    prior.code_loss(torch.randn(1000, 2, generator=generator), noise, torch.eye(3)[[1] * 1000])
    dropped = seen[0].sum(1) == 0
    assert binomtest(int(dropped.sum()), 2000, 0.25).pvalue > 1e-6
    assert torch.equal(seen[0][~dropped], torch.eye(3)[[1] * int((~dropped).sum())])


def test_it_says_how_it_learns_and_computes_in_single_precision() -> None:
    prior = FlowMatchingPrior(VectorField(3, hidden=8, layers=1), fits=5, improvement=0.25).eval()
    assert (prior.learning, prior.code_steps, prior.improvement) == (Learning.CODES, 5, 0.25)
    assert not prior.has_density
    noise = prior.noise(4, generator=torch.Generator().manual_seed(0))
    expected = prior(noise)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(prior(noise), expected)
        rounded = prior.train()(noise)
        assert rounded.dtype == torch.float32
        assert not torch.equal(rounded, expected)
        torch.testing.assert_close(rounded, expected, rtol=0.02, atol=0.02)
        loss = prior.code_loss(noise.bfloat16(), prior.code_noise(4))
    assert loss.dtype == torch.float32
    expected.sum().backward()
    assert all(weight.grad is not None for weight in prior.parameters())
