"""Trains the classifier's network, and chooses the settings that the options leave open."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from priorkit.interfaces import ImageSet, ImageShape
from priorkit_plugins.classifier.network import Architecture, ClassifierNetwork
from priorkit_plugins.image_augmentation import Augmentation, augment_images
from priorkit_plugins.one_cycle_adamw import one_cycle_adamw

if TYPE_CHECKING:
    from priorkit_plugins.classifier import ClassifierOptions

__all__ = ["TrainingSettings", "choose_settings", "train_network"]

_BATCH = 128
_SMOOTHING = 0.1
"""Label smoothing of the residual network (Szegedy et al. 2016)."""
_WARM_UP = 0.25
"""Share of the residual network's steps with a rising learning rate (warm-up)."""
_WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class TrainingSettings:
    """The settings that determine the trained network, besides images, classes and precision.

    Attributes:
        architecture: The network's architecture.
        width: Channels of the first layer.
        augment: Augmentation of the training images.
        epochs: Minimal number of passes over the training images.
        steps: Minimal number of steps.
        learning_rate: The highest learning rate.
        seed: Seed of the weights, the order and the augmentation.
    """

    architecture: Architecture
    width: int
    augment: Augmentation
    epochs: int
    steps: int
    learning_rate: float
    seed: int


def choose_settings(options: "ClassifierOptions", shape: ImageShape, class_names: Sequence[str]) -> TrainingSettings:
    """Replaces options that are `auto` or None by choices for the data.

    A small network classifies grey images well after seconds of training; colour photographs need a deeper network,
    more training and augmentation. Flips change digits and letters, so they are left out if classes are named by digits
    or letters.

    Args:
        options: The extractor's options.
        shape: The images' shape.
        class_names: Names of the classes.
    """
    colour = shape.channels > 1
    architecture = options.architecture
    if architecture == "auto":
        architecture = "residual" if colour else "plain"
    augment = options.augment
    if augment == "auto":
        symbols = all(name.isdecimal() or len(name) == 1 for name in class_names)
        augment = "none" if not colour else "crop" if symbols else "crop-flip"
    plain = architecture == "plain"
    return TrainingSettings(
        architecture=architecture,
        width=options.width,
        augment=augment,
        epochs=options.epochs,
        steps=options.steps if options.steps is not None else (300 if plain else 1800),
        learning_rate=options.learning_rate if options.learning_rate is not None else (1e-3 if plain else 5e-3),
        seed=options.seed,
    )


def train_network(
    images: ImageSet, classes: int, settings: TrainingSettings, *, device: torch.device, bfloat16: bool
) -> ClassifierNetwork:
    """Trains a network on labelled images.

    The plain network is trained by Adam with cosine decay to 0; the residual network by AdamW with label smoothing and
    a learning rate that first rises ("one cycle", Smith and Topin 2019).

    Args:
        images: Images with labels.
        classes: Number of classes.
        settings: The settings of training.
        device: The device to train on.
        bfloat16: Whether to compute in mixed precision.
    """
    assert images.labels is not None
    channels, size, _ = images.shape
    plain = settings.architecture == "plain"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = ClassifierNetwork(settings.architecture, channels, size, classes, settings.width)
    network.to(device).to(memory_format=torch.channels_last)
    batch = min(_BATCH, len(images))
    # The last, smaller batch of a pass is dropped: batch norm does not work with a single image.
    per_epoch = len(images) // batch
    passes = max(settings.epochs, math.ceil(settings.steps / per_epoch))
    optimizer, schedule = _optimizer(network, settings, passes * per_epoch)
    generator = torch.Generator().manual_seed(settings.seed)
    network.train()
    for _ in range(passes):
        order = torch.randperm(len(images), generator=generator)[: per_epoch * batch]
        for indices in torch.split(order, batch):
            labels = images.labels[indices].to(device)
            pixels = augment_images(images.take(indices), settings.augment, generator).to(device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
                _, logits = network(pixels)
            loss = functional.cross_entropy(logits.float(), labels, label_smoothing=0.0 if plain else _SMOOTHING)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
    return network.eval()


def _optimizer(
    network: ClassifierNetwork, settings: TrainingSettings, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    rate = settings.learning_rate
    if settings.architecture == "plain":
        adam = torch.optim.Adam(network.parameters(), rate)
        return adam, torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    return one_cycle_adamw(network, rate, steps, rising=_WARM_UP, weight_decay=_WEIGHT_DECAY)
