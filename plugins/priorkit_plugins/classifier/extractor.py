"""The feature extractor `classifier`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import FeatureExtractor, Features, ImageData, ImageSet
from priorkit.plugins import ExtractorContext
from priorkit_plugins.classifier.network import ClassifierNetwork, predict
from priorkit_plugins.classifier.training import choose_settings, train_network
from priorkit_plugins.network_cache import cache_key, kept_or_trained

if TYPE_CHECKING:
    from priorkit_plugins.classifier import ClassifierOptions

__all__ = ["ClassifierExtractor"]

_CHUNK = 500


class ClassifierExtractor(FeatureExtractor):
    """A convolutional network, trained once on the training images' labels.

    By default, grey images get a small plain network; colour images get a residual network, trained for longer on
    augmented images.

    The features are the last hidden layer, 128 rectified units. The network is cached under a hash of the images, the
    labels and the settings; a broken file in the cache is replaced.

    Args:
        options: The options.
        context: The images' shape, the cache and the device.
    """

    knows_labels = True

    def __init__(self, options: ClassifierOptions, context: ExtractorContext) -> None:
        self.options = options
        self.context = context
        self._network: ClassifierNetwork | None = None
        self._hash = ""
        self._accuracy: float | None = None

    def prepare(self, data: ImageData) -> None:
        """Takes the network from the cache, or trains it."""
        if self._network is not None:
            return
        labels = data.train.labels
        if labels is None:
            raise DataError(
                "--extractor classifier learns from labels, and this data set has none; use --extractor inception, or "
                "--extractor torchscript with a network of your own"
            )
        shape = self.context.shape
        classes = max(len(data.class_names), int(labels.max()) + 1)
        settings = choose_settings(self.options, shape, data.class_names)
        decisive = {**asdict(settings), "classes": classes, "bfloat16": self.context.bfloat16}
        path = self.context.cache / "classifier" / f"{cache_key(data.train, data.test, decisive)}.safetensors"
        device, bfloat16 = self.context.device, self.context.bfloat16

        def build() -> ClassifierNetwork:
            return ClassifierNetwork(settings.architecture, shape.channels, shape.size, classes, settings.width)

        def train() -> tuple[ClassifierNetwork, dict[str, str]]:
            network = train_network(data.train, classes, settings, device=device, bfloat16=bfloat16)
            accuracy = _accuracy(network, data.test, device)
            return network, {} if accuracy is None else {"accuracy": repr(accuracy)}

        network, notes = kept_or_trained(path, "classifier", build, train)
        self._accuracy = float(notes["accuracy"]) if "accuracy" in notes else None
        self._network = network.to(device).to(memory_format=torch.channels_last).eval()
        self._hash = notes["hash"]

    def extract(self, images: Tensor) -> Features:
        """The last hidden layer, and the probabilities of the data set's classes."""
        assert self._network is not None, "prepare() comes first"
        return Features(*predict(self._network, images, self.context.device))

    def description(self) -> Mapping[str, str | int | float]:
        """Its name, weights, input size, and accuracy on the held-out images if these have labels."""
        accuracy = {} if self._accuracy is None else {"accuracy": self._accuracy}
        return {"name": "classifier", "weights": self._hash, "resolution": self.context.shape.size, **accuracy}


def _accuracy(network: ClassifierNetwork, images: ImageSet, device: torch.device) -> float | None:
    """The share of held-out images that the network puts into the right class."""
    if images.labels is None:
        return None
    right = 0
    for indices in torch.split(torch.arange(len(images)), _CHUNK):
        _, probabilities = predict(network, images.take(indices), device)
        right += int((probabilities.argmax(1) == images.labels[indices]).sum())
    return right / len(images)
