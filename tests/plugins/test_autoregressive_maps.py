"""The prior `autoregressive` of maps: a causal transformer of the places, and a masked network of each place."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal

import priorkit
from priorkit.interfaces import CodeSpace, Learning
from priorkit.plugins import PriorContext
from priorkit.training import Session
from priorkit_plugins.autoregressive import AutoregressiveOptions, priorkit_priors
from priorkit_plugins.autoregressive.masked import MaskedPrior
from priorkit_plugins.autoregressive.of_maps import MapTransformerPrior
from priorkit_plugins.autoregressive.scalar_mixtures import ScalarMixtures

seeds = st.integers(0, 2**32 - 1)
SMALL = {"maps": "transformer", "layers": 2, "width": 8, "heads": 2, "hidden": 16, "components": 3}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def of(shape: tuple[int, ...], condition_dim: int = 0, **options: Any) -> Any:
    (component,) = priorkit_priors()
    space = CodeSpace(shape)
    context: Any = PriorContext(
        code_dim=space.dim, code_generator=lambda *dims: None, condition_dim=condition_dim, codes=space
    )
    return component.build(AutoregressiveOptions(**{**SMALL, **options}), context)


def make(shape: tuple[int, ...] = (2, 2, 2), condition_dim: int = 0, *, seed: int = 0, **options: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        prior = of(shape, condition_dim, **options)
        with torch.no_grad():
            for weight in prior.parameters():
                weight.add_(0.3 * torch.randn(weight.shape))
    return prior.double().eval()


def conditions(n: int, condition_dim: int, seed: int = 0) -> Tensor | None:
    return torch.randn(n, condition_dim, dtype=torch.float64, generator=generator(seed)) if condition_dim else None


def order_of(shape: tuple[int, int, int]) -> Tensor:
    """Which entry of a flat map is drawn when: place after place, and within one channel after channel."""
    channels, height, width = shape
    return torch.arange(channels * height * width).view(channels, -1).T.flatten()


def each(prior: MapTransformerPrior, code: Tensor, condition: Tensor | None) -> Tensor:
    """The log-density of each number of a map, in the order in which they are drawn."""
    ordered = code.view(len(code), prior.channels, -1).transpose(1, 2)
    return prior.mixtures(code, condition).log_prob(ordered).flatten()


def test_maps_of_several_places_may_have_a_transformer() -> None:
    for shape in ((8,), (8, 1, 1)):
        assert isinstance(of(shape), MaskedPrior)
    assert isinstance(of((2, 2, 2), maps="masked"), MaskedPrior)
    prior = of((2, 2, 2))
    assert isinstance(prior, MapTransformerPrior)
    assert prior.learning is Learning.LIKELIHOOD
    assert of((2, 2, 2), hidden=None).network.last.in_features == 256
    assert of((8,), hidden=None).network.last.in_features == 512


shapes = st.sampled_from([(1, 1, 2), (1, 2, 3), (2, 2, 2), (3, 1, 2)])


@settings(deadline=None, max_examples=20)
@given(shape=shapes, condition_dim=st.integers(0, 2), seed=seeds)
def test_a_number_depends_on_those_before_it_alone(shape: tuple[int, int, int], condition_dim: int, seed: int) -> None:
    """Slopes of each conditional log-density, in the order in which numbers are drawn."""
    prior = make(shape, condition_dim, seed=seed)
    condition = conditions(1, condition_dim, seed)
    code = torch.randn(prior.code_dim, dtype=torch.float64, generator=generator(seed))
    slopes = torch.autograd.functional.jacobian(lambda one: prior.log_densities(one[None], condition).flatten(), code)
    in_order = slopes[:, order_of(shape)]
    assert not in_order.triu(1).any()
    assert (in_order.tril() != 0).sum() > 0.8 * in_order.tril().numel() / 2


@settings(deadline=None, max_examples=20)
@given(shape=shapes, condition_dim=st.integers(0, 2), distribution=st.sampled_from(["logistic", "normal"]), seed=seeds)
def test_the_density_is_the_product_of_what_samples_are_drawn_from(
    shape: tuple[int, int, int], condition_dim: int, distribution: str, seed: int
) -> None:
    """With one part in each mixture, maps are an invertible function of noise, which gives them their density."""
    prior = make(shape, condition_dim, seed=seed, components=1, distribution=distribution)
    prior.standardise(torch.full((prior.code_dim,), 2.0), torch.full((prior.code_dim,), 3.0))
    noise = prior.noise(1, generator=generator(seed)).double()
    condition = conditions(1, condition_dim, seed)

    def code_of(within: Tensor) -> Tensor:
        code: Tensor = prior(torch.stack([noise[0, :, 0], within], dim=1)[None], condition)[0]
        return code

    within = noise[0, :, 1]
    slopes = torch.autograd.functional.jacobian(code_of, within)
    if distribution == "normal":
        base = Normal(0.0, 1.0).log_prob(within)
    else:
        base = -within - 2 * torch.log1p(torch.exp(-within))
    expected = base.sum() - torch.linalg.slogdet(slopes).logabsdet
    torch.testing.assert_close(prior.log_prob(code_of(within)[None], condition)[0], expected, rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=15)
@given(shape=shapes, condition_dim=st.integers(0, 2), seed=seeds)
def test_steps_draw_from_the_mixtures_that_one_pass_gives(
    shape: tuple[int, int, int], condition_dim: int, seed: int
) -> None:
    """What was drawn place after place and channel after channel is drawn again from the mixtures of `log_prob`."""
    prior, n = make(shape, condition_dim, seed=seed), 3
    noise, condition = prior.noise(n, generator=generator(seed)).double(), conditions(n, condition_dim, seed)
    with torch.no_grad():
        code = prior(noise, condition)
        mixtures = prior.mixtures(code, condition)
        drawn_by = noise[:, order_of(shape)].flatten(0, 1)
        again = ScalarMixtures(
            *(getattr(mixtures, name).flatten(0, 2) for name in ("log_weights", "means", "scales")), "logistic"
        )
        drawn = again.draw(*drawn_by.unbind(1)).view(n, -1)
    torch.testing.assert_close(drawn, code[:, order_of(shape)])


def test_every_number_sees_the_condition() -> None:
    prior = make((2, 2, 2), 2)
    code = torch.zeros(1, 8, dtype=torch.float64)
    with torch.no_grad():
        one, other = (each(prior, code, torch.eye(2, dtype=torch.float64)[i : i + 1]) for i in range(2))
    assert bool(((one - other).abs() > 1e-6).all())
    for call in (lambda: prior.log_prob(code), lambda: prior(prior.noise(1).double())):
        with pytest.raises(ValueError, match="has a density for each s, but none over all s"):
            call()


def test_channels_are_scaled_together() -> None:
    prior = make((2, 1, 2))
    noise = prior.noise(20, generator=generator()).double()
    with torch.no_grad():
        codes, density = prior(noise), prior.log_prob(prior(noise))
        prior.standardise(torch.tensor([1.0, 1.0, -2.0, -2.0]), torch.tensor([2.0, 2.0, 0.5, 0.5]))
        moved = prior(noise)
        expected = codes * torch.tensor([2.0, 2.0, 0.5, 0.5]) + torch.tensor([1.0, 1.0, -2.0, -2.0])
        torch.testing.assert_close(moved, expected)
        torch.testing.assert_close(prior.log_prob(moved), density)  # 2 log 2 + 2 log 0.5 = 0


def test_autocast_changes_nothing() -> None:
    prior = make((2, 2, 2), 2).float()
    noise, condition = prior.noise(9, generator=generator()), torch.randn(9, 2, generator=generator())
    with torch.no_grad():
        codes = prior(noise, condition)
        exact = prior.log_prob(codes, condition)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(prior(noise, condition), codes)
            assert torch.equal(prior.log_prob(codes, condition), exact)


def test_it_learns_what_places_and_channels_have_to_do_with_each_other() -> None:
    """A random sign that all numbers of a map share: neither its places nor its channels are independent."""
    torch.manual_seed(0)
    prior = of((2, 2, 1), width=16)
    draw = generator()
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    for _ in range(150):
        sign = 2 * torch.randint(2, (64, 1), generator=draw) - 1
        loss = -prior.log_prob(sign + 0.2 * torch.randn(64, 4, generator=draw)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    entropy = math.log(2) + 4 * (0.5 * math.log(2 * math.pi * math.e) + math.log(0.2))
    assert float(loss.detach()) < entropy + 0.6
    drawn = prior.sample(400, generator=draw).detach()
    assert float((drawn.sign().sum(1).abs() == 4).float().mean()) > 0.9
    assert 0.4 < float((drawn[:, 0] > 0).float().mean()) < 0.6


def test_it_is_fitted_to_maps_that_are_given() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=200)
    maps = 5 + rng.normal(size=(200, 2, 2, 2)) + 10 * classes[:, None, None, None]
    settings: dict[str, Any] = {"steps": 50, "batch_size": 50, "learning_rate": 1e-2, "average": 0.9}
    prior = priorkit.fit_prior(
        maps.astype(np.float32), {"name": "autoregressive", **SMALL}, conditions=classes, **settings
    )
    for condition in (0, 1):
        drawn = prior.sample(100, condition=condition)
        assert drawn.shape == (100, 2, 2, 2)
        assert float(drawn.median()) == pytest.approx(5 + 10 * condition, abs=1.5)
    assert torch.isfinite(prior.log_prob(maps[:5], classes[:5])).all()


def test_a_vae_of_maps_trains_it_by_likelihood(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session(
        "vae",
        networks={"name": "mlp", "hidden": 8},
        prior={"name": "autoregressive", **SMALL},
        code_dim=2,
        code_size=2,
        steps=2,
    )
    before = {name: weight.clone() for name, weight in session.system.prior.named_parameters()}
    session.step()
    session.step()
    moved = {name for name, weight in session.system.prior.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == set(before)
    assert session.model.sample(3).shape[0] == 3
