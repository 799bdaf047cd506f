"""The prior `swiss-roll`."""

import math
from typing import Any

import pytest
import scipy.stats
import torch
from pydantic import ValidationError

from priorkit.interfaces import Prior
from priorkit.plugins import PriorContext
from priorkit_plugins.swiss_roll import SwissRollOptions, priorkit_priors


def make(code_dim: int = 2, classes: int = 0, **options: float) -> Prior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    assert component.name == "swiss-roll"
    return component.build(
        SwissRollOptions(**options), PriorContext(code_dim, code_generator, classes, classes=classes)
    )


def test_points_by_hand() -> None:
    prior = make(turns=2.0, radius=4.0, std=0.5)
    # Shares 0, 1/16, 1/4: a quarter and half of the way outwards, at half a turn and at one.
    noise = torch.tensor([[0.0, 0.0, 0.0], [1 / 16, 0.0, 0.0], [1 / 4, 1.0, -2.0]])
    expected = torch.tensor([[0.0, 0.0], [-1.0, 0.0], [2.5, -1.0]])
    torch.testing.assert_close(prior(noise), expected, rtol=0, atol=1e-5)


def test_codes_lie_on_the_spiral() -> None:
    codes = make(turns=3.0, radius=2.0, std=0.0).sample(20_000, generator=torch.Generator().manual_seed(0)).double()
    reach = codes.norm(dim=1) / 2
    angles = torch.atan2(codes[:, 1], codes[:, 0])
    away = torch.remainder(angles - 2 * math.pi * 3 * reach + math.pi, 2 * math.pi) - math.pi
    assert (away.abs() * reach).max() < 1e-4
    # As many within a circle as its area has of the whole.
    assert scipy.stats.kstest(reach.square(), "uniform").pvalue > 1e-8


def test_classes_are_stretches() -> None:
    prior = make(classes=4, std=0.0)
    condition = torch.eye(4).repeat_interleave(500, dim=0)
    codes = prior.sample(2000, condition=condition, generator=torch.Generator().manual_seed(0))
    shares = (codes.norm(dim=1) / 3).square() * 4
    assert torch.equal((shares + 1e-5).floor().clamp(max=3), condition.argmax(1).float())
    assert scipy.stats.kstest(shares % 1, "uniform").pvalue > 1e-8


def test_the_thickness_is_normal() -> None:
    noise = make().noise(20_000, generator=torch.Generator().manual_seed(0))
    thick, thin = make(std=0.3)(noise), make(std=0.0)(noise)
    assert scipy.stats.kstest(((thick - thin) / 0.3).flatten(), "norm").pvalue > 1e-8


def test_it_lies_in_a_plane() -> None:
    with pytest.raises(ValueError, match="codes have 8 dimensions; use --code-dim 2"):
        make(8)
    assert not make().has_density


@pytest.mark.parametrize("options", [{"turns": 0}, {"radius": 0}, {"std": -1}, {"k": 3}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SwissRollOptions.model_validate(options)
