"""The regularizer `kl`."""

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import scipy.integrate
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    Laplace,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    Uniform,
    kl_divergence,
)

from priorkit.interfaces import Encoder, Learning, Posterior, Prior, Regularizer, Space, Support
from priorkit_plugins.kl import KLOptions, priorkit_regularizers

seeds = st.integers(0, 2**63 - 1)


class DistributionPrior(Prior):
    """A prior made of a distribution of torch's; it says which, if it is open."""

    has_density = True

    def __init__(self, distribution: Distribution, *, opened: bool = True) -> None:
        super().__init__()
        self.code_dim = distribution.event_shape[0]
        self.inner = distribution
        self.opened = opened

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.zeros(n, self.code_dim)

    def forward(self, noise: Tensor) -> Tensor:
        return noise

    def log_prob(self, code: Tensor) -> Tensor:
        return self.inner.log_prob(code)

    def distribution(self) -> Distribution:
        return self.inner if self.opened else super().distribution()


class LocationPrior(Prior):
    """A unit normal distribution whose mean learns by likelihood."""

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, code_dim: int, *, opened: bool) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.opened = opened
        self.mean = nn.Parameter(torch.full((code_dim,), 0.5))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.zeros(n, self.code_dim)

    def forward(self, noise: Tensor) -> Tensor:
        return self.mean + noise

    def log_prob(self, code: Tensor) -> Tensor:
        return Independent(Normal(self.mean, 1.0), 1).log_prob(code)

    def distribution(self) -> Distribution:
        return Independent(Normal(self.mean, 1.0), 1) if self.opened else super().distribution()


class PointEncoder(Encoder):
    code_dim = 2

    def __init__(self, *, stochastic: bool) -> None:
        super().__init__()
        self.stochastic = stochastic

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        raise AssertionError


def make(weight: float = 1.0) -> Regularizer:
    (component,) = priorkit_regularizers()
    assert component.name == "kl"
    return component.build(KLOptions(weight=weight), None)


def divergence(posterior: Posterior, prior: Prior, weight: float = 1.0) -> Tensor:
    terms = make(weight).encoder_terms(posterior, prior, prior(prior.noise(len(posterior.code))))
    assert list(terms) == ["regularization"]
    return terms["regularization"]


def draw(n: int, code_dim: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Means, log-variances and standard normal noise, each of shape (n, code_dim)."""
    mean, log_variance, noise = torch.randn(3, n, code_dim, generator=torch.Generator().manual_seed(seed))
    return 2 * mean, log_variance, noise


def posterior_of(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Posterior:
    return Posterior(mean + torch.exp(log_variance / 2) * noise, mean, log_variance)


def gaussian(code_dim: int, mean: float = 0.0, std: float = 1.0, *, opened: bool = True) -> Prior:
    normal = Normal(torch.full((code_dim,), mean), torch.full((code_dim,), std))
    return DistributionPrior(Independent(normal, 1), opened=opened)


@settings(deadline=None, max_examples=50)
@given(
    n=st.integers(1, 6),
    code_dim=st.integers(1, 9),
    location=st.floats(-2, 2),
    std=st.floats(0.25, 4),
    weight=st.floats(0.01, 100),
    seed=seeds,
)
def test_the_closed_form(n: int, code_dim: int, location: float, std: float, weight: float, seed: int) -> None:
    mean, log_variance, noise = draw(n, code_dim, seed)
    found = divergence(posterior_of(mean, log_variance, noise), gaussian(code_dim, location, std), weight)
    assert found.shape == ()
    assert found >= 0
    # Once by hand, in float64 ...
    m, v = mean.double(), log_variance.double().exp()
    by_hand = 0.5 * (v / std**2 + (m - location) ** 2 / std**2 - 1 - v.log() + 2 * math.log(std)).sum(1).mean()
    torch.testing.assert_close(found.double(), weight * by_hand, rtol=1e-4, atol=1e-4 * weight)
    # ... and once by torch, a dimension at a time.
    by_torch = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(location, std)).sum(1).mean()
    torch.testing.assert_close(found, weight * by_torch, rtol=1e-4, atol=1e-4 * weight)


def test_the_closed_form_does_not_look_at_the_draw() -> None:
    mean, log_variance, noise = draw(4, 3, 0)
    prior = gaussian(3)
    one, other = (divergence(posterior_of(mean, log_variance, drawn), prior) for drawn in (noise, -noise))
    assert torch.equal(one, other)


def test_a_posterior_that_is_the_prior_has_no_divergence() -> None:
    mean, log_variance = torch.full((4, 3), 0.7), torch.full((4, 3), 2 * math.log(1.5))
    posterior = posterior_of(mean, log_variance, torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    for opened in (True, False):
        found = divergence(posterior, gaussian(3, 0.7, 1.5, opened=opened))
        torch.testing.assert_close(found, torch.zeros(()), rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 6), code_dim=st.integers(1, 9), seed=seeds)
@pytest.mark.parametrize("opened", [True, False])
def test_the_estimate_of_one_draw(opened: bool, n: int, code_dim: int, seed: int) -> None:
    mean, log_variance, noise = draw(n, code_dim, seed)
    posterior = posterior_of(mean, log_variance, noise)
    # Not a Gaussian, or one with dependent dimensions: there is no closed form here.
    laplace = Independent(Laplace(torch.zeros(code_dim), torch.ones(code_dim)), 1)
    dependent = MultivariateNormal(torch.zeros(code_dim), 0.5 * torch.eye(code_dim) + 0.5)
    std = (log_variance / 2).exp().numpy()
    for target in (laplace, dependent):
        encoded = scipy.stats.norm(mean.numpy(), std).logpdf(posterior.code.numpy()).sum(1)
        expected = (torch.from_numpy(encoded) - target.log_prob(posterior.code)).mean()
        found = divergence(posterior, DistributionPrior(target, opened=opened))
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1.5, 0.4), (-2.0, 2.0)])
def test_the_estimate_is_unbiased(mean: float, std: float, seed: int) -> None:
    # KL(N(mean, std^2) || Laplace(0, 1)), the same for each of two dimensions, by numerical integration.
    q, p = scipy.stats.norm(mean, std), scipy.stats.laplace()
    edges = sorted({mean - 12 * std, 0.0, mean + 12 * std})
    exact = 2 * sum(
        scipy.integrate.quad(lambda code: q.pdf(code) * (q.logpdf(code) - p.logpdf(code)), low, high)[0]
        for low, high in pairwise(edges)
    )
    prior = DistributionPrior(Independent(Laplace(torch.zeros(2), torch.ones(2)), 1), opened=False)
    generator = torch.Generator().manual_seed(seed)
    batch, repetitions = 100, 100
    means, log_variances = torch.full((batch, 2), mean), torch.full((batch, 2), 2 * math.log(std))
    estimates = torch.stack(
        [
            divergence(posterior_of(means, log_variances, torch.randn(batch, 2, generator=generator)), prior)
            for _ in range(repetitions)
        ]
    ).double()
    # Seven standard errors, estimated with 99 degrees of freedom: fails by chance once in a thousand million seeds.
    assert abs(estimates.mean() - exact) < 7 * estimates.std() / math.sqrt(repetitions)
    assert estimates.std() > 0


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_the_gradient_of_the_closed_form(weight: float) -> None:
    n, code_dim, location, std = 5, 4, 0.3, 1.5
    mean, log_variance, noise = draw(n, code_dim, 0)
    mean.requires_grad_()
    log_variance.requires_grad_()
    divergence(posterior_of(mean, log_variance, noise), gaussian(code_dim, location, std), weight).backward()
    torch.testing.assert_close(mean.grad, weight * (mean.detach() - location) / std**2 / n)
    torch.testing.assert_close(log_variance.grad, weight * (log_variance.detach().exp() / std**2 - 1) / 2 / n)


def test_the_gradient_of_the_estimate() -> None:
    mean, log_variance, noise = draw(5, 4, 0)
    mean.requires_grad_()
    log_variance.requires_grad_()
    prior = DistributionPrior(Independent(Laplace(torch.zeros(4), torch.ones(4)), 1), opened=False)
    posterior = posterior_of(mean, log_variance, noise)
    divergence(posterior, prior).backward()
    # log q of a reparameterised draw is -|noise|^2 / 2 - log std: it does not depend on the mean.
    slope = posterior.code.detach().sign()
    torch.testing.assert_close(mean.grad, slope / 5)
    std = (log_variance.detach() / 2).exp()
    torch.testing.assert_close(log_variance.grad, (slope * std * noise / 2 - 0.5) / 5)


@pytest.mark.parametrize("opened", [True, False])
def test_a_prior_that_learns_by_likelihood_gets_its_gradient(opened: bool) -> None:
    mean, log_variance, noise = draw(2000, 3, 0)
    prior = LocationPrior(3, opened=opened)
    posterior = posterior_of(mean, log_variance, noise)
    divergence(posterior, prior).backward()
    # The best mean is that of the codes, or of the posteriors' means.
    best = (mean if opened else posterior.code).mean(0)
    torch.testing.assert_close(prior.mean.grad, prior.mean.detach() - best, rtol=1e-4, atol=1e-5)


def test_extreme_variances_stay_finite() -> None:
    mean = torch.zeros(2, 3)
    for log_variance in (-20.0, 20.0):
        for opened in (True, False):
            posterior = posterior_of(mean, torch.full((2, 3), log_variance), torch.ones(2, 3))
            assert torch.isfinite(divergence(posterior, gaussian(3, opened=opened)))


def test_deterministic_encoders_are_refused() -> None:
    with pytest.raises(ValueError, match="needs an encoder that gives a distribution; use --encoder gaussian"):
        make().check(PointEncoder(stochastic=False), gaussian(2))


def test_priors_without_a_density_are_refused() -> None:
    class SampledPrior(DistributionPrior):
        has_density = False

    prior = SampledPrior(Independent(Normal(torch.zeros(2), torch.ones(2)), 1))
    with pytest.raises(ValueError, match="SampledPrior can only be sampled") as error:
        make().check(PointEncoder(stochastic=True), prior)
    assert "--regularizer adversarial" in str(error.value)
    assert "--prior gaussian" in str(error.value)
    assert "\n" not in str(error.value)


def test_others_are_welcome() -> None:
    make().check(PointEncoder(stochastic=True), gaussian(2))


@pytest.mark.parametrize("options", [{"weight": 0}, {"weight": -1}, {"weight": "inf"}, {"beta": 1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KLOptions.model_validate(options)


def test_bounded_priors_are_refused() -> None:
    box = Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)
    with pytest.raises(ValueError, match="above 0 everywhere; that of DistributionPrior is 0 outside of a box"):
        make().check(PointEncoder(stochastic=True), DistributionPrior(box))
    mixture = MixtureSameFamily(Categorical(torch.ones(3)), Independent(Normal(torch.zeros(3, 2), torch.ones(3, 2)), 1))
    make().check(PointEncoder(stochastic=True), DistributionPrior(mixture))


@pytest.mark.parametrize(
    ("prior", "encoder", "words"),
    [
        (Support(Space.SPHERE), Support(), ("in the unit sphere", "in all codes", "von-mises-fisher", "gaussian")),
        (Support(), Support(Space.SPHERE), ("in all codes", "in the unit sphere", "--prior uniform-sphere")),
        (Support(Space.BALL, 0.5), Support(Space.BALL), ("radius 0.5", "radius 1;", "both of one curvature")),
        (Support(Space.ONE_HOT, groups=4), Support(Space.ONE_HOT), ("4 one-hot groups", "both of as many groups")),
        (Support(Space.SIMPLEX), Support(Space.ONE_HOT), ("a simplex", "one-hot codes", "--encoder categorical")),
    ],
)
def test_codes_elsewhere_are_refused(prior: Support, encoder: Support, words: tuple[str, ...]) -> None:
    target, source = gaussian(2), PointEncoder(stochastic=True)
    target.support, source.support = prior, encoder
    with pytest.raises(ValueError, match="the divergence is infinite: the prior's codes are in") as error:
        make().check(source, target)
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_codes_in_a_part_of_the_priors_are_welcome() -> None:
    target, source = gaussian(2), PointEncoder(stochastic=True)
    source.support = Support(Space.BALL)
    make().check(source, target)


def test_a_posterior_that_torch_knows_has_a_closed_form() -> None:
    encoded = Independent(Laplace(torch.tensor([[0.5, -1.0]]), torch.tensor([[0.5, 2.0]])), 1)
    code = torch.zeros(1, 2)
    posterior = Posterior(code, code, log_prob=encoded.log_prob(code), distribution=encoded)
    known = DistributionPrior(Independent(Laplace(torch.zeros(2), torch.ones(2)), 1))
    torch.testing.assert_close(divergence(posterior, known), kl_divergence(encoded, known.inner)[0])
    # Of others, and of a prior that is not told, it is estimated.
    for other in (
        DistributionPrior(known.inner, opened=False),
        DistributionPrior(MultivariateNormal(code[0], torch.eye(2))),
    ):
        estimate = encoded.log_prob(code) - other.log_prob(code)
        torch.testing.assert_close(divergence(posterior, other), estimate[0])


@pytest.mark.parametrize("opened", [True, False])
def test_the_weight_warms_up(opened: bool) -> None:
    mean, log_variance, noise = draw(5, 4, 0)
    posterior, prior = posterior_of(mean, log_variance, noise), gaussian(4, opened=opened)
    full = divergence(posterior, prior, 3.0)
    (component,) = priorkit_regularizers()
    regularizer = component.build(KLOptions(weight=3.0, warm_up=4), None)

    def term() -> Tensor:
        return regularizer.encoder_terms(posterior, prior, posterior.code)["regularization"]

    regularizer.eval()
    assert float(term()) == 0
    regularizer.train()
    found = torch.stack([term() for _ in range(7)])
    torch.testing.assert_close(found, full * torch.tensor([0, 0.25, 0.5, 0.75, 1, 1, 1]))
    # The count is saved, and evaluation does not count.
    restored = component.build(KLOptions(weight=3.0, warm_up=4), None)
    restored.load_state_dict({"updates": torch.tensor(1)})
    regularizer = restored.eval()
    for _ in range(2):
        torch.testing.assert_close(term(), 0.25 * full)
    assert restored.state_dict() == {"updates": torch.tensor(1)}


def test_the_gradient_warms_up() -> None:
    mean, log_variance, noise = draw(5, 4, 0)
    mean.requires_grad_()
    (component,) = priorkit_regularizers()
    regularizer = component.build(KLOptions(warm_up=2), None)
    # All terms come before the first gradient: counting on must not change it.
    terms = [regularizer.encoder_terms(posterior_of(mean, log_variance, noise), gaussian(4), noise) for _ in range(3)]
    gradients = [torch.autograd.grad(each["regularization"], mean)[0] for each in terms]
    torch.testing.assert_close(gradients[1], gradients[2] / 2)
    torch.testing.assert_close(gradients[2], mean.detach() / 5)


def test_without_a_warm_up_there_is_no_state() -> None:
    assert make().state_dict() == {}
    with pytest.raises(ValidationError):
        KLOptions(warm_up=-1)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), code_dim=st.integers(1, 6))
def test_a_posterior_with_a_density_of_its_own_has_a_divergence(seed: int, code_dim: int) -> None:
    """Of a normal distribution with full covariance, the estimate's mean is the divergence of torch.distributions."""
    generator = torch.Generator().manual_seed(seed)
    mean, *rows = torch.randn(code_dim + 1, code_dim, generator=generator, dtype=torch.float64)
    factor = torch.stack(rows).tril(-1) / 2 + torch.diag(torch.stack(rows).diag().abs() + 0.5)
    encoded = MultivariateNormal(mean, scale_tril=factor)
    noise = torch.randn(20_000, code_dim, generator=generator, dtype=torch.float64)
    code = mean + noise @ factor.T
    posterior = Posterior(code, mean.expand_as(code), log_prob=encoded.log_prob(code))
    prior = gaussian(code_dim)
    expected = torch.distributions.kl_divergence(
        encoded, MultivariateNormal(torch.zeros_like(mean), torch.eye(code_dim, dtype=torch.float64))
    )
    each = posterior.log_prob.float() - prior.log_prob(code.float())
    error = float(each.std()) / len(code) ** 0.5
    assert float(divergence(posterior, prior)) == pytest.approx(float(expected), abs=6 * error + 1e-3)


def test_a_posterior_without_any_density_is_refused() -> None:
    code = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"neither log_variance nor log_prob; use --encoder gaussian"):
        divergence(Posterior(code, code), gaussian(3))


def build(**options: Any) -> Regularizer:
    (component,) = priorkit_regularizers()
    return component.build(KLOptions(**options), SimpleNamespace(code_dim=4))


def term_of(regularizer: Regularizer, posterior: Posterior, prior: Prior) -> Tensor:
    return regularizer.encoder_terms(posterior, prior, posterior.code[:0])["regularization"]


def each_dimension(posterior: Posterior) -> Tensor:
    """KL(N(m, v) || N(0, 1)) of each image and dimension, in float64."""
    mean, log_variance = posterior.mean.double(), posterior.log_variance.double()
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance)


def test_the_capacity_is_what_each_images_divergence_is_held_at() -> None:
    posterior = posterior_of(*draw(5, 4, 0))
    regularizer = build(weight=3.0, capacity=6.0, capacity_warm_up=2)
    found = torch.stack([term_of(regularizer, posterior, gaussian(4)) for _ in range(4)]).double()
    whole = each_dimension(posterior).sum(1)
    expected = torch.stack([3 * (whole - capacity).abs().mean() for capacity in (0, 3, 6, 6)])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not regularizer.needs_whole_batch


@pytest.mark.parametrize("groups", [0, 1, 2, 4])
def test_free_bits_are_those_of_a_group_over_the_batch(groups: int) -> None:
    posterior = posterior_of(*draw(5, 4, 1))
    means = each_dimension(posterior).mean(0)
    size = 4 // (groups or 4)
    nats = float(means.median())
    expected = sum(max(nats, float(means[start : start + size].sum())) for start in range(0, 4, size))
    regularizer = build(weight=2.0, free_bits=nats, free_bits_groups=groups)
    assert float(term_of(regularizer, posterior, gaussian(4))) == pytest.approx(2 * expected, rel=1e-5)
    assert regularizer.needs_whole_batch


def test_below_the_free_bits_there_is_no_gradient() -> None:
    mean, log_variance, noise = draw(5, 4, 0)
    mean[:, 1] = 0.01
    log_variance[:, 1] = 0.0
    mean.requires_grad_()
    term_of(build(free_bits=0.01), posterior_of(mean, log_variance, noise), gaussian(4)).backward()
    assert mean.grad is not None
    assert bool((mean.grad[:, 1] == 0).all())
    assert bool((mean.grad[:, 0] != 0).all())


def test_free_bits_of_a_dimension_need_priors_with_independent_ones() -> None:
    dependent = DistributionPrior(MultivariateNormal(torch.zeros(2), torch.eye(2)))
    build(free_bits=1.0, free_bits_groups=1).check(PointEncoder(stochastic=True), dependent)
    with pytest.raises(ValueError, match=r"DistributionPrior is not a normal distribution .*free-bits-groups 1"):
        build(free_bits=1.0).check(PointEncoder(stochastic=True), dependent)
    with pytest.raises(ValueError, match="a code has 4 dimensions, which cannot be shared out to 3 groups"):
        build(free_bits=1.0, free_bits_groups=3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"capacity": 1, "free_bits": 1}, "exclude each other"),
        ({"capacity_warm_up": 3}, "no effect without a capacity"),
        ({"free_bits_groups": 3}, "no effect without free_bits"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        KLOptions.model_validate(options)
