"""The feature extractor `two-tower`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import FeatureExtractor, Features, ImageData
from priorkit.plugins import ExtractorContext, vocabulary_of
from priorkit_plugins.network_cache import cache_key, kept_or_trained
from priorkit_plugins.single_precision import single_precision
from priorkit_plugins.two_tower.network import TwoTowerNetwork, word_tokens
from priorkit_plugins.two_tower.training import train_towers

if TYPE_CHECKING:
    from priorkit_plugins.two_tower import TwoTowerOptions

__all__ = ["TwoTowerExtractor"]

_CHUNK = 500
"""Images or texts at a time."""
_VERSION = 1
"""Must be changed whenever the networks or their training change."""


class TwoTowerExtractor(FeatureExtractor):
    """A convolutional network of images and a network of bags of words, trained on the data set's captions.

    The features are the vectors whose cosine similarity has been trained. The networks are cached under a hash of the
    training images, their captions and the settings; a broken file in the cache is replaced.

    Args:
        options: The options.
        context: The images' shape, the cache and the device.
    """

    reads_text = True

    def __init__(self, options: TwoTowerOptions, context: ExtractorContext) -> None:
        self.options = options
        self.context = context
        self._network: TwoTowerNetwork | None = None
        self._numbers: dict[str, int] = {}
        self._hash = ""

    def prepare(self, data: ImageData) -> None:
        """Takes the networks from the cache, or trains them."""
        if self._network is not None:
            return
        captions = data.train.captions
        if captions is None or len(data.train) < 2:
            what = "this data set has none" if captions is None else f"there is {len(data.train)} training image"
            raise DataError(f"--extractor two-tower learns from captions of training images, and {what}")
        options, shape, device = self.options, self.context.shape, self.context.device
        words = vocabulary_of((text for of_image in captions for text in of_image), options.words)
        self._numbers = {word: number for number, word in enumerate(words, 1)}
        decisive = {"version": _VERSION, **options.model_dump(mode="json"), "bfloat16": self.context.bfloat16}
        key = cache_key(data.train, None, decisive, captions=True)

        def build() -> TwoTowerNetwork:
            return TwoTowerNetwork(shape, len(words), options.dim, options.width)

        def train() -> tuple[TwoTowerNetwork, dict[str, str]]:
            bfloat16 = self.context.bfloat16
            return train_towers(data.train, self._numbers, options, shape, device=device, bfloat16=bfloat16), {}

        path = self.context.cache / "two-tower" / f"{key}.safetensors"
        network, notes = kept_or_trained(path, "two-tower network", build, train)
        self._network = network.to(device).to(memory_format=torch.channels_last).eval()
        self._hash = notes["hash"]

    @torch.no_grad()
    def extract(self, images: Tensor) -> Features:
        """The vectors of images; it does not classify."""
        assert self._network is not None, "prepare() comes first"
        with single_precision(self.context.device):
            parts = [self._network.of_images(part.to(self.context.device)) for part in torch.split(images, _CHUNK)]
        return Features(torch.cat(parts).float().cpu())

    @torch.no_grad()
    def text_features(self, texts: Sequence[str]) -> Tensor:
        """The vectors of texts; words that no training caption has are left out."""
        assert self._network is not None, "prepare() comes first"
        tokens = word_tokens(texts, self._numbers)
        with single_precision(self.context.device):
            parts = [self._network.of_texts(part.to(self.context.device)) for part in torch.split(tokens, _CHUNK)]
        return torch.cat(parts).float().cpu()

    def description(self) -> Mapping[str, str | int | float]:
        """Its name, weights and input size."""
        return {"name": "two-tower", "weights": self._hash, "resolution": self.context.shape.size}
