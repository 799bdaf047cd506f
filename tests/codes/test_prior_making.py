"""Priors by themselves."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import priorkit
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.interfaces import Encoder, Posterior
from priorkit.registry import installed_plugins

OPTIONS: dict[str, dict[str, Any]] = {
    "categorical": {"dim": 8, "classes": 4},
    "index-frequencies": {"dim": (4, 4), "entries": 6},
    "labelled-gaussian": {"dim": 8, "condition_dim": 3},
    "swiss-roll": {"dim": 2},
}
"""Arguments of priors that are none of vectors of any size."""


class Linear(Encoder):
    code_dim = 8
    stochastic = True

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(256, 8)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        mean = self.layer(image.flatten(1))
        return Posterior(mean if noise is None else mean + noise, mean, torch.zeros_like(mean))


# A hierarchical VampPrior is made of the two layers of an encoder of its own.
@pytest.mark.parametrize("name", sorted({*installed_plugins().names("prior")} - {"hierarchical-vampprior"}))
def test_every_prior_can_be_made_and_sampled(name: str) -> None:
    arguments = {"dim": 8, "encoder": Linear(), "images": torch.rand(500, 1, 16, 16), **OPTIONS.get(name, {})}
    prior = priorkit.make_prior(name, **arguments)
    condition = torch.eye(3)[[0, 1, 2, 0, 1]] if "condition_dim" in arguments else None
    with torch.no_grad():
        codes = prior.sample(5, condition=condition)
        assert codes.shape == (5, prior.code_dim)
        if prior.has_density and not prior.takes_condition:
            assert prior.log_prob(codes).shape == (5,)


def test_images_of_bytes_are_what_they_are() -> None:
    grey = torch.full((20, 1, 16, 16), 64, dtype=torch.uint8)
    prior = priorkit.make_prior("vampprior", 8, encoder=Linear(), images=grey, pseudo_inputs=4, start="images")
    (started,) = [value for value in prior.state_dict().values() if value.shape[-1] in (16, 256)]
    assert torch.allclose(started.float().mean(), torch.tensor(64 / 127.5 - 1), atol=0.05)


def test_the_seed_alone_decides_the_weights() -> None:
    state = torch.get_rng_state()
    first, second, other = (priorkit.make_prior("flow", 4, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_maps_indices_conditions_and_options() -> None:
    assert priorkit.make_prior("diffusion", (2, 4, 4)).code_dim == 32
    indices = priorkit.make_prior("autoregressive", (3, 3), entries=5).sample(2)
    assert (indices.shape, indices.dtype) == ((2, 9), torch.int64)
    conditional = priorkit.make_prior("flow-matching", 4, condition_classes=3, hidden=8)
    assert conditional.takes_condition
    assert conditional.sample(3, condition=torch.eye(3)).shape == (3, 4)
    assert priorkit.make_prior("learned", 4, noise_dim=7).noise(2).shape == (2, 7)


def test_a_prior_is_trained_by_its_density() -> None:
    prior = priorkit.make_prior("flow", 2, seed=0)
    codes = torch.randn(256, 2, generator=torch.Generator().manual_seed(0)) * 0.1 + 3
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    before = float(-prior.log_prob(codes).mean().detach())
    for _ in range(60):
        optimizer.zero_grad()
        loss = -prior.log_prob(codes).mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < before - 2


@pytest.mark.parametrize(
    ("name", "dim", "arguments", "told"),
    [
        ("vampprior", 4, {}, r"it is made of an encoder; give the encoder .* make_prior\(..., encoder=, images=\)"),
        ("mixture", 4, {"condition_dim": 5}, "its codes do not depend on a condition"),
        ("gaussian", (4, 4), {}, r"maps have the shape \(C, H, W\); for indices \(H, W\), give entries"),
        ("gaussian", 0, {}, "expected a number of dimensions"),
        ("gaussian", (2, 2, 2), {"entries": 4}, "a codebook has at least 2 entries"),
        ("flow", (2, 2), {"entries": 4}, "it is a prior of vectors or maps"),
        ("flow-matching", 4, {"condition_classes": 3, "condition_dim": 5}, "leave condition_dim out"),
        ("flow", 4, {"widht": 3}, "has no option 'widht'"),
    ],
)
def test_priors_that_cannot_be_are_refused(name: str, dim: Any, arguments: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        priorkit.make_prior(name, dim, **arguments)


def test_unknown_priors_are_refused() -> None:
    with pytest.raises(UnknownComponentError, match="did you mean 'flow'"):
        priorkit.make_prior("floww", 4)
