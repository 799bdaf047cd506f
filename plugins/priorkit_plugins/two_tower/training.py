"""Trains the two networks to match captions and images."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from priorkit.interfaces import Captions, ImageSet, ImageShape
from priorkit.plugins import caption_words
from priorkit_plugins.image_augmentation import augment_images
from priorkit_plugins.joint_embedding import contrastive_loss
from priorkit_plugins.one_cycle_adamw import one_cycle_adamw
from priorkit_plugins.two_tower.network import TwoTowerNetwork, word_tokens

if TYPE_CHECKING:
    from priorkit_plugins.two_tower import TwoTowerOptions

__all__ = ["train_towers"]

_WARM_UP = 0.1
"""Share of the steps with a rising learning rate (warm-up)."""
_WEIGHT_DECAY = 0.05
_LOWEST_TEMPERATURE = 0.01


def _bags(captions: Captions) -> Tensor:
    """The ids of the bags of words of each image's captions, int64 (N, K), padded with -1."""
    numbers: dict[tuple[str, ...], int] = {}
    of_captions = [numbers.setdefault(tuple(sorted(caption_words(text))), len(numbers)) for text in captions.distinct()]
    return torch.tensor([*of_captions, -1])[captions.places()]


def train_towers(
    images: ImageSet,
    numbers: dict[str, int],
    options: "TwoTowerOptions",
    shape: ImageShape,
    *,
    device: torch.device,
    bfloat16: bool,
) -> TwoTowerNetwork:
    """Trains both networks by the contrastive loss of a batch's images and one caption of each, drawn at random.

    A caption with the same words as one of an image's own captions is not a negative for this image. Training images
    are shifted at random by up to 4 pixels; they are not mirrored, as captions may say left and right.

    The same arguments give the same network on the same kind of machine; torch's global generators are left as they
    were.

    Args:
        images: Images with captions, at least 2.
        numbers: The ids of the words of the vocabulary, from 1.
        options: The settings of training.
        shape: The images' shape.
        device: The device to train on.
        bfloat16: Whether to compute in mixed precision.
    """
    assert images.captions is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = TwoTowerNetwork(shape, len(numbers), options.dim, options.width)
    network.to(device).to(memory_format=torch.channels_last)
    tokens, places, bags = (
        word_tokens(images.captions.distinct(), numbers),
        images.captions.places(),
        _bags(images.captions),
    )
    counts = (places >= 0).sum(1)
    optimizer, schedule = one_cycle_adamw(
        network, options.learning_rate, options.steps, rising=_WARM_UP, weight_decay=_WEIGHT_DECAY
    )
    generator = torch.Generator().manual_seed(options.seed)
    network.train()
    order = torch.zeros(0, dtype=torch.int64)
    batch = min(options.batch_size, len(images))
    for _ in range(options.steps):
        if len(order) < batch:
            order = torch.randperm(len(images), generator=generator)
        chosen, order = order[:batch], order[batch:]
        which = (torch.rand(batch, generator=generator) * counts[chosen]).long()
        matching = (bags[chosen, None, :] == bags[chosen, which][None, :, None]).any(2).to(device)
        pixels = augment_images(images.take(chosen), "crop", generator).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            of_images, of_texts = network.of_images(pixels), network.of_texts(tokens[places[chosen, which]].to(device))
        temperature = network.log_scale.neg().exp().clamp(min=_LOWEST_TEMPERATURE)
        loss = contrastive_loss(of_images.float(), of_texts.float(), matching, temperature)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    return network.eval()
