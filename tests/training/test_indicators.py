"""Indicators, compared with independent references, and for planted collapses."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from torch import nn

from priorkit.interfaces import Posterior
from priorkit.training import Session
from priorkit.training.indicators import WeightChanges, code_indicators, sample_indicators


def _images(n: int, seed: int) -> torch.Tensor:
    return torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@settings(deadline=None)
@given(n=st.integers(2, 30), m=st.integers(2, 30), seed=st.integers(0, 2**16))
def test_spreads_are_ratios_of_distances(n: int, m: int, seed: int) -> None:
    samples, images = _images(n, seed) / 3, _images(m, seed + 1)
    least = min(n, m)
    distances = [pdist(each[:least].flatten(1).numpy().astype(np.float64)) for each in (samples, images)]
    nearest = [np.median((squareform(each) + np.diag([np.inf] * least)).min(1)) for each in distances]
    found = sample_indicators(samples, images)
    assert found["sample_spread"] == pytest.approx(distances[0].mean() / distances[1].mean(), rel=1e-4)
    if least % 2:  # for an even number, torch's median is the lower of the two
        assert found["sample_neighbours"] == pytest.approx(nearest[0] / nearest[1], rel=1e-4)


def test_samples_that_are_all_alike_have_no_spread() -> None:
    found = sample_indicators(_images(1, 0).expand(20, -1, -1, -1), _images(20, 1))
    assert found == {"sample_spread": 0, "sample_neighbours": 0}


def test_copies_of_a_few_images_have_no_distance_to_neighbours() -> None:
    found = sample_indicators(_images(4, 0).repeat(5, 1, 1, 1), _images(20, 1))
    assert found["sample_spread"] > 0.5
    assert found["sample_neighbours"] == 0


def test_nothing_is_said_of_images_that_do_not_differ() -> None:
    assert sample_indicators(_images(9, 0), torch.zeros(9, 1, 4, 4)) == {}
    assert sample_indicators(_images(9, 0), _images(1, 0)) == {}


class _Planted(nn.Module):
    """An encoder with given posteriors: means times images, and a standard deviation for each dimension."""

    stochastic = True

    def __init__(self, axes: torch.Tensor, deviations: torch.Tensor) -> None:
        super().__init__()
        self.axes, self.deviations, self.code_dim = axes, deviations, len(deviations)

    def forward(self, images: torch.Tensor, noise: torch.Tensor | None = None) -> Posterior:
        mean = images.flatten(1) @ self.axes
        return Posterior(mean if noise is None else mean + self.deviations * noise, mean)


def _codes_of(session: Session, axes: torch.Tensor, deviations: torch.Tensor) -> dict[str, float]:
    model = session.model
    model.encoder = _Planted(axes, deviations)  # type: ignore[assignment]
    return code_indicators(model, _images(400, 0), seed=0)


@pytest.mark.parametrize(("informed", "dimensions"), [(1, 16), (1, 3), (0.5, 8)])
def test_codes_that_tell_images_apart(informed: float, dimensions: int, tiny_session: Callable[..., Session]) -> None:
    axes = torch.eye(16)[:, :dimensions]
    if informed < 1:
        axes = torch.cat([axes, torch.zeros(16, 8)], 1)
    found = _codes_of(tiny_session("vae"), axes, torch.full((axes.shape[1],), 0.1))
    assert found["code_informed"] == informed
    assert found["code_dimensions"] == pytest.approx(dimensions, rel=0.05)


def test_posteriors_that_are_all_alike_say_nothing(tiny_session: Callable[..., Session]) -> None:
    assert _codes_of(tiny_session("vae"), 1e-3 * torch.eye(16), torch.ones(16)) == {"code_informed": 0}
    assert _codes_of(tiny_session("vae"), torch.zeros(16, 16), torch.zeros(16)) == {"code_informed": 0}


def test_codes_on_a_line_have_one_dimension(tiny_session: Callable[..., Session]) -> None:
    found = _codes_of(tiny_session("vae"), torch.eye(16)[:, :1].expand(-1, 16), torch.full((16,), 0.01))
    assert found == {"code_informed": 1, "code_dimensions": pytest.approx(1)}


@pytest.mark.parametrize("used", [1, 2, 8])
def test_entries_of_a_codebook_are_counted(used: int, tiny_session: Callable[..., Session]) -> None:
    class Quantising(_Planted):
        def forward(self, images: torch.Tensor, noise: torch.Tensor | None = None) -> Posterior:
            indices = torch.arange(len(images) * 4).reshape(-1, 4) % used
            return Posterior(images.flatten(1), images.flatten(1), indices=indices)

    model = tiny_session("vae").model
    model.encoder = Quantising(torch.eye(16), torch.ones(16))  # type: ignore[assignment]
    assert code_indicators(model, _images(40, 0), seed=0) == {"code_entries": pytest.approx(used)}


def test_looking_takes_no_randomness(tiny_session: Callable[..., Session]) -> None:
    model = tiny_session("vae").model
    state = torch.get_rng_state()
    images = torch.rand(20, 1, 16, 16)
    torch.set_rng_state(state)
    assert code_indicators(model, images, seed=0) == code_indicators(model, images, seed=0)
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_that_change_are_found() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2), nn.Linear(2, 2).requires_grad_(False))
    changes = WeightChanges({"critic": network, "frozen": nn.Sequential(), "other": nn.Linear(1, 1)})
    assert changes.look(["critic", "frozen"]) == {}
    assert changes.look(["critic"]) == {"critic": 0}
    with torch.no_grad():
        network[1].bias[0] += 1e-6
        network[2].weight += 1
    assert changes.look(["critic", "other"]) == {"critic": 2 / 20}
    with torch.no_grad():
        network[0].weight.mul_(1 + 1e-6)
    assert changes.look(["critic", "other"]) == {"critic": 9 / 20, "other": 0}


def test_networks_without_weights_are_left_out() -> None:
    system = SimpleNamespace(prior=nn.Identity())
    changes = WeightChanges({"prior": system.prior})
    changes.look(["prior"])
    assert changes.look(["prior"]) == {}
