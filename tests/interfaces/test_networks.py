"""What network families inherit from their base classes."""

import pytest
import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic, ImageShape, Networks


class RecordingCritic(ImageCritic):
    """A critic whose features are the image's rows, and which records the requested layers."""

    layers = 1

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        self.asked.append(layer)
        return image.flatten(2)

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        return features.sum((1, 2)) + (0 if condition is None else condition.sum(1))


def test_a_critic_scores_its_last_features() -> None:
    critic = RecordingCritic()
    image = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    logits = critic(image)
    assert critic.asked == [-1]
    torch.testing.assert_close(logits, image.sum((1, 2, 3)))
    condition = torch.tensor([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(critic(image, condition), logits + torch.tensor([1.0, 2.0, 0.0]))


def test_a_family_without_a_classifier_says_so() -> None:
    class Plain(Networks):
        def encoder(self, outputs: int) -> nn.Module:
            raise AssertionError

        decoder = code_critic = encoder

        def image_critic(self, condition_dim: int = 0) -> ImageCritic:
            raise AssertionError

    with pytest.raises(ConfigurationError, match=r"Plain have no classifier Q.*residual"):
        Plain(ImageShape(1, 16)).recogniser(3)


def test_an_image_shape_unpacks_to_channels_and_size() -> None:
    channels, size = ImageShape(3, 64)
    assert (channels, size) == (3, 64)
    assert ImageShape(channels=3, size=64) == (3, 64)
