"""The prior `mixture`, fitted to all codes at once."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import MultivariateNormal

from priorkit.interfaces import Learning
from priorkit.plugins import PriorContext
from priorkit.training import Session
from priorkit_plugins.mixture import MixtureOptions, priorkit_priors
from priorkit_plugins.mixture.fitted_prior import FittedMixturePrior

either_covariance = pytest.mark.parametrize("covariance", ["full", "diagonal"])


def make(code_dim: int = 2, classes: int = 0, **options: Any) -> FittedMixturePrior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    context = PriorContext(code_dim, code_generator, classes, None, None, 3, classes)
    prior = component.build(MixtureOptions(em=True, **options), context)
    assert isinstance(prior, FittedMixturePrior)
    return prior


def two_groups(n: int, seed: int, code_dim: int = 2) -> tuple[Tensor, Tensor]:
    """Codes of two correlated Gaussians, three quarters of them from the second, and from which each is."""
    generator = torch.Generator().manual_seed(seed)
    group = (torch.rand(n, generator=generator) < 0.75).long()
    mixing = torch.randn(2, code_dim, code_dim, generator=generator)
    normal = torch.randn(n, 1, code_dim, generator=generator)
    return (normal @ mixing[group].mT).squeeze(1) + 12.0 * group[:, None], group


def fit(prior: FittedMixturePrior, codes: Tensor, condition: Tensor | None = None, seed: int = 0) -> None:
    prior.fit_codes(codes, prior.code_noise(len(codes), generator=torch.Generator().manual_seed(seed)), condition)


@either_covariance
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), code_dim=st.integers(1, 4))
def test_another_iteration_of_scikit_learn_hardly_changes_it(covariance: str, seed: int, code_dim: int) -> None:
    codes, _ = two_groups(300, seed, code_dim)
    prior = make(code_dim, components=2, covariance=covariance, means="random", ridge=0.0)
    fit(prior, codes)
    full = covariance == "full"
    scales = prior.scales.double()
    reference = GaussianMixture(
        2,
        covariance_type="full" if full else "diag",
        reg_covar=0.0,
        max_iter=1,
        weights_init=prior.log_weights.double().flatten().softmax(0).numpy(),
        means_init=prior.means.double().numpy(),
        precisions_init=((scales @ scales.mT).inverse() if full else scales.square().reciprocal()).numpy(),
        random_state=0,
    )
    with warnings.catch_warnings():
        # One iteration is not meant to be enough.
        warnings.simplefilter("ignore", ConvergenceWarning)
        reference.fit(codes.double().numpy())
    # What it starts with is the mean log-density of the prior.
    assert reference.lower_bound_ == pytest.approx(float(prior.log_prob(codes).double().mean()), abs=1e-3)
    after = float(reference.score(codes.double().numpy()))
    assert reference.lower_bound_ - 1e-6 <= after < reference.lower_bound_ + 0.05


@either_covariance
def test_its_density_is_that_of_its_parts(covariance: str) -> None:
    codes, _ = two_groups(300, 1, 3)
    prior = make(3, components=3, covariance=covariance, means="random")
    fit(prior, codes)
    scales = prior.scales if covariance == "full" else torch.diag_embed(prior.scales)
    parts = torch.stack(
        [
            MultivariateNormal(mean, scale_tril=scale).log_prob(codes)
            for mean, scale in zip(prior.means, scales, strict=True)
        ],
        dim=1,
    )
    weighted = prior.log_weights.flatten() + parts
    torch.testing.assert_close(prior.log_prob(codes), weighted.logsumexp(1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(prior.responsibilities(codes), weighted.softmax(1), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(prior.distribution().log_prob(codes), prior.log_prob(codes), rtol=1e-4, atol=1e-4)


@either_covariance
def test_samples_have_the_moments_of_the_codes(covariance: str) -> None:
    codes, _ = two_groups(2000, 2)
    prior = make(components=2, covariance=covariance)
    fit(prior, codes)
    drawn = prior.sample(20_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), rtol=0, atol=0.3)
    # A mixture fitted by EM has the codes' mean, and with full covariances their covariance, too.
    if covariance == "full":
        torch.testing.assert_close(drawn.T.cov(), codes.T.cov(), rtol=0.05, atol=0.3)


def test_the_same_noise_gives_the_same_mixture() -> None:
    codes = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    first, again, other = make(components=8), make(components=8), make(components=8)
    state = torch.get_rng_state()
    for prior, seed in ((first, 0), (again, 0), (other, 1)):
        fit(prior, codes, seed=seed)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.means, again.means)
    assert not torch.equal(first.means, other.means)


@either_covariance
def test_each_class_has_components_of_its_own(covariance: str) -> None:
    codes, group = two_groups(800, 3)
    condition = torch.nn.functional.one_hot(group, 2).float()
    prior = make(classes=2, components=3, covariance=covariance)
    assert (prior.clusters, prior.takes_condition) == (6, True)
    fit(prior, codes, condition)
    alone = make(components=3, covariance=covariance)
    seed = prior.code_noise(800, generator=torch.Generator().manual_seed(0))
    alone.fit_codes(codes[group == 0], seed)
    of_first = torch.eye(2)[[0] * 800]
    torch.testing.assert_close(prior.log_prob(codes, of_first), alone.log_prob(codes), rtol=1e-4, atol=1e-4)
    shares = torch.bincount(group).float() / 800
    torch.testing.assert_close(prior.shares, shares)
    given = torch.stack([prior.log_prob(codes, torch.eye(2)[[k] * 800]) for k in range(2)], dim=1)
    # The density over all s counts classes as often as they are.
    torch.testing.assert_close(prior.log_prob(codes), (given + shares.log()).logsumexp(1), rtol=1e-4, atol=1e-4)
    drawn = prior.sample(800, condition=condition, generator=torch.Generator().manual_seed(1))
    assert torch.equal((drawn.sum(1) > 12).long(), (codes.sum(1) > 12).long())
    assert torch.equal(prior.responsibilities(codes).unflatten(1, (2, 3)).sum(2).argmax(1), group)
    anywhere = prior.sample(4000, generator=torch.Generator().manual_seed(2))
    assert float((anywhere.sum(1) > 12).float().mean()) == pytest.approx(float(shares[1]), abs=0.05)


def test_there_must_be_as_many_codes_as_components() -> None:
    with pytest.raises(ValueError, match=r"^10 components need at least 10 codes, and there are 4; use fewer"):
        fit(make(), torch.randn(4, 2))
    labels = torch.eye(2)[[0] * 9 + [1]]
    with pytest.raises(ValueError, match=r"^2 components need at least 2 codes of class 1, and there are 1; use"):
        fit(make(classes=2, components=2), torch.randn(10, 2), labels)


def test_a_singular_covariance_needs_a_ridge() -> None:
    line = torch.linspace(0, 1, 50)[:, None].expand(-1, 3)
    with pytest.raises(ValueError, match=r"dimensions is singular, fitted to 50 codes; use a larger --prior\.ridge"):
        fit(make(3, components=2, ridge=0.0), line)
    prior = make(3, components=2)
    fit(prior, line)
    assert prior.log_prob(line).isfinite().all()


def test_it_learns_in_one_way() -> None:
    assert make().learning is Learning.ALL_CODES
    assert list(make().parameters()) == []
    with pytest.raises(ValueError, match=r"by gradients \(--prior\.learned\) or by EM \(--prior\.em\); leave out one"):
        make(learned=True)


def test_a_stage_fits_it(tiny_session: Callable[..., Session]) -> None:
    prior = {"name": "mixture", "em": True, "components": 2}
    session = tiny_session("aae", prior=prior, stages="autoencoder:2,code-fitting:1", loss="pixel")
    for _ in range(3):
        session.step()
    fitted = session.model.prior
    assert isinstance(fitted, FittedMixturePrior)
    pixels = session.data.train.take(torch.arange(len(session.data.train)))
    codes = session.model.encode(pixels.float() / 127.5 - 1)
    # Mixtures that maximise the likelihood have the codes' mean.
    mean = (fitted.log_weights.exp().T * fitted.means).sum(0)
    torch.testing.assert_close(mean, codes.mean(0), rtol=1e-2, atol=1e-2)
