"""How the classifier's network is trained, and what is chosen where the options leave it open."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from priorkit.interfaces import ImageSet, ImageShape
from priorkit_plugins.classifier.network import Architecture, ClassifierNetwork
from priorkit_plugins.image_augmentation import Augmentation, augment_images

if TYPE_CHECKING:
    from priorkit_plugins.classifier import ClassifierOptions

__all__ = ["TrainingSettings", "choose_settings", "train_network"]

_BATCH = 128
_SMOOTHING = 0.1
"""Of the residual network's labels (Szegedy et al. 2016)."""
_WARM_UP = 0.25
"""Share of the residual network's steps in which its learning rate rises."""
_WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class TrainingSettings:
    """What decides which network comes out, besides images, classes and precision.

    Attributes:
        architecture: Of the network.
        width: Channels of its first layer.
        augment: What is done to the training images.
        epochs: Passes over them, at least.
        steps: Steps, at least.
        learning_rate: The highest one.
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
    """The options, with choices made where they are `auto` or None.

    A small network tells grey images apart well after seconds; colour photographs need a deeper one, more training and
    augmentation. A flip changes what a digit or letter says, so it is left out where classes are named by such.

    Args:
        options: Of the extractor.
        shape: Of the images.
        class_names: Names of their classes.
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

    The plain network learns by Adam whose learning rate falls to 0 as a cosine; the residual one by AdamW with smoothed
    labels, and its learning rate rises first ("one cycle", Smith and Topin 2019).

    The same arguments give the same network on the same kind of machine; torch's global generators are left as they
    were.

    Args:
        images: Images with labels.
        classes: Number of classes.
        settings: How to train.
        device: Where to train.
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
    # The last, smaller batch of a pass is left out: batch norm cannot work with a single image.
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
    """The optimiser and its schedule; batch norm and biases are not decayed."""
    rate = settings.learning_rate
    if settings.architecture == "plain":
        adam = torch.optim.Adam(network.parameters(), rate)
        return adam, torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    matrices = [weights for weights in network.parameters() if weights.ndim > 1]
    others = [weights for weights in network.parameters() if weights.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, rate)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _one_cycle(step, steps))


def _one_cycle(step: int, steps: int) -> float:
    """The learning rate's share of its highest value: up in a line, then down to 0 as a cosine."""
    rising = max(1, round(_WARM_UP * steps))
    if step < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising))) / 2
