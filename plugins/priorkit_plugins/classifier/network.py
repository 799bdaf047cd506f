"""The classifier's network, and how it is trained."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from priorkit.interfaces import ImageSet

__all__ = ["ClassifierNetwork", "predict", "train_network"]

FEATURES = 128
"""Dimensions of the features."""
_BATCH = 128
_CHUNK = 500
"""Images classified at a time."""
_SMALLEST = 8
"""Height and width in pixels of what the last convolution sees, at most."""


def _layer(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]


class ClassifierNetwork(nn.Module):
    """Convolutions with batch norm, halving the image until it is 8 pixels wide; a layer of features; logits.

    Args:
        channels: Of the images.
        size: Their height and width in pixels, at least 16.
        classes: Number of classes.
        width: Channels of the first layer.
    """

    def __init__(self, channels: int, size: int, classes: int, width: int = 32) -> None:
        super().__init__()
        layers = [*_layer(channels, width), nn.MaxPool2d(2), *_layer(width, 2 * width), nn.MaxPool2d(2)]
        side = size // 4
        while side > _SMALLEST:
            layers += [*_layer(2 * width, 2 * width), nn.MaxPool2d(2)]
            side //= 2
        layers += [*_layer(2 * width, 2 * width), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
        self.trunk = nn.Sequential(*layers, nn.Linear(2 * width * 16, FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, 128) and logits (N, classes) of uint8 images (N, C, H, W)."""
        scaled = (images.to(torch.float32) / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        features: Tensor = self.trunk(scaled)
        return features, self.head(features)


def train_network(
    make: Callable[[], ClassifierNetwork],
    images: ImageSet,
    *,
    epochs: int,
    steps: int,
    learning_rate: float,
    seed: int,
    device: torch.device,
    bfloat16: bool,
) -> ClassifierNetwork:
    """Trains a network on labelled images, by Adam whose learning rate falls to 0 as a cosine.

    The same arguments give the same network on the same kind of machine; torch's global generators are left as they
    were.

    Args:
        make: Makes the network.
        images: Images with labels.
        epochs: Passes over them, at least.
        steps: Steps, at least.
        learning_rate: The first one.
        seed: Seed of the weights and of the order.
        device: Where to train.
        bfloat16: Whether to compute in mixed precision.
    """
    assert images.labels is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
    network.to(device).to(memory_format=torch.channels_last)
    batch = min(_BATCH, len(images))
    # The last, smaller batch of a pass is left out: batch norm cannot work with a single image.
    per_epoch = len(images) // batch
    passes = max(epochs, math.ceil(steps / per_epoch))
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, passes * per_epoch)
    order = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(passes):
        for indices in torch.split(torch.randperm(len(images), generator=order)[: per_epoch * batch], batch):
            labels = images.labels[indices].to(device)
            pixels = images.take(indices).to(device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
                _, logits = network(pixels)
            loss = functional.cross_entropy(logits.float(), labels)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def predict(network: ClassifierNetwork, images: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Features and probabilities of uint8 images, both float32 on the CPU."""
    found = [network(part.to(device)) for part in torch.split(images, _CHUNK)]
    features = torch.cat([item[0].float().cpu() for item in found])
    return features, torch.cat([item[1].float().softmax(1).cpu() for item in found])
