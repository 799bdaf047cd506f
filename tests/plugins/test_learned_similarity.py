"""The loss `learned-similarity`."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from priorkit.interfaces import ImageCritic, ImageShape, ReconstructionLoss
from priorkit.plugins import LossContext
from priorkit_plugins.learned_similarity import LearnedSimilarityOptions, priorkit_losses


class TwoLayers(ImageCritic):
    layers = 2

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 3)

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        features: Tensor = self.first(image)
        return features if layer in (0, -2) else self.second(features.tanh())

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        raise AssertionError


def make(**options: Any) -> ReconstructionLoss:
    (component,) = priorkit_losses()
    assert component.name == "learned-similarity"
    return component.build(LearnedSimilarityOptions(**options), LossContext(ImageShape(1, 16)))


def images() -> Tensor:
    return 2 * torch.rand(2, 4, 1, 9, 9, generator=torch.Generator().manual_seed(0)) - 1


@pytest.mark.parametrize(("layer", "weight"), [(-1, 1.0), (0, 1.0), (1, 0.5)])
def test_it_is_a_gaussian_log_likelihood(layer: int, weight: float) -> None:
    reconstruction, image = images()
    critic = TwoLayers()
    given, wanted = (critic.features(batch, layer).flatten(1) for batch in (reconstruction, image))
    unit = Independent(Normal(given, 1.0), 1)
    expected = weight * (unit.log_prob(given) - unit.log_prob(wanted)).mean()
    found = make(layer=layer, weight=weight)(reconstruction, image, critic)
    assert found.shape == ()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("options", [{"layer": "last"}, {"weight": 0}, {"gamma": 1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LearnedSimilarityOptions.model_validate(options)
