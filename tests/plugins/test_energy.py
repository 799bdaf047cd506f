"""The energy-based prior that learns from codes."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from priorkit.interfaces import Learning
from priorkit_plugins.energy import EnergyOptions
from priorkit_plugins.energy.prior import EnergyPrior
from priorkit_plugins.gaussian_base import GaussianBase
from priorkit_plugins.scalar_network import ScalarNetwork


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(code_dim: int = 2, condition_dim: int = 0, **options: Any) -> EnergyPrior:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ScalarNetwork(code_dim, condition_dim, hidden=32, layers=2, constant=False)
        return EnergyPrior(GaussianBase(code_dim, full=True), network, **options)


def test_it_learns_two_modes() -> None:
    prior, draw = make(1, steps=20), generator()
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    for _ in range(300):
        side = torch.where(torch.rand(128, 1, generator=draw) < 0.75, 2.0, -2.0)
        code = side + 0.5 * torch.randn(128, 1, generator=draw)
        loss = prior.code_loss(code, prior.code_noise(128, generator=draw))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        codes = prior.sample(1000, generator=draw).flatten()
        between, at = prior.negative_energy(torch.tensor([[0.0], [2.0]]))
    assert float(at - between) > 1
    assert float((codes > 0).float().mean()) == pytest.approx(0.75, abs=0.15)
    assert float((codes.abs() < 0.7).float().mean()) < 0.15


def test_the_loss_is_the_contrast_between_chains_and_codes() -> None:
    prior = make(3, steps=4, decay=0.0)
    code = torch.randn(16, 3, generator=generator()) + 1
    noise = prior.code_noise(16, generator=generator(1))
    assert noise.shape == (16, 5, 3)
    ends = prior(noise).detach()
    energy = prior.negative_energy
    weight = prior.network.layers[0].weight
    (found,) = torch.autograd.grad(prior.code_loss(code, noise), weight)
    (expected,) = torch.autograd.grad(energy(ends).mean() - energy(code).mean(), weight)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    # The base learns by its own likelihood.
    (shift,) = torch.autograd.grad(prior.code_loss(code, noise), prior.base.shift)
    torch.testing.assert_close(shift, torch.autograd.grad(-prior.base.log_prob(code).mean(), prior.base.shift)[0])


def test_each_class_has_its_own_codes() -> None:
    prior, draw = make(2, 2, steps=20), generator()
    optimizer = torch.optim.Adam(prior.parameters(), 4e-3)
    classes = torch.eye(2).repeat(64, 1)
    for _ in range(200):
        codes = classes * 3 + 0.8 * torch.randn(128, 2, generator=draw)
        loss = prior.code_loss(codes, prior.code_noise(128, generator=draw), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    drawn = prior.sample(128, condition=classes, generator=draw).detach()
    assert float((drawn.argmax(1) == classes.argmax(1)).float().mean()) > 0.85


def test_it_has_no_density_and_learns_from_codes() -> None:
    prior = make()
    assert prior.learning is Learning.CODES
    assert not prior.has_density
    with pytest.raises(TypeError, match="has no density"):
        prior.log_prob(torch.zeros(1, 2))


@pytest.mark.parametrize("options", [{"steps": 0}, {"step_size": 0}, {"decay": -1}, {"base": "uniform"}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EnergyOptions.model_validate(options)
