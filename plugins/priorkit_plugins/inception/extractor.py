"""The feature extractor `inception`."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError, DataError, MissingExtraError
from priorkit.interfaces import FeatureExtractor, Features, ImageData
from priorkit.plugins import ExtractorContext

if TYPE_CHECKING:
    from priorkit_plugins.inception import InceptionOptions

__all__ = ["InceptionExtractor"]

_CHUNK = 50
"""Images at a time: the network resizes them to 299 pixels."""
_PUBLISHED = "6726825d"
"""First digits of the SHA-256 of the published weights, which torch-fidelity's file name contains."""


class InceptionExtractor(FeatureExtractor):
    """Inception v3 with the weights that the FID, the Inception Score and the KID were published with.

    It returns the 2048 features of the last pooling layer and the probabilities of 1008 classes. Images are resized to
    299 pixels as in TensorFlow 1; grey images are converted to RGB.

    Args:
        options: The location of the weights.
        context: The cache and the device.
    """

    def __init__(self, options: InceptionOptions, context: ExtractorContext) -> None:
        self.options = options
        self.context = context
        self._network: Any = None
        self._hash = ""

    @property
    def standard(self) -> bool:
        """Whether the weights are the published ones."""
        return self._hash.startswith(_PUBLISHED)

    def prepare(self, data: ImageData) -> None:
        """Loads the weights; downloads them if no file is named and the cache has none."""
        if self._network is not None:
            return
        try:
            from torch_fidelity import feature_extractor_inceptionv3 as inception
        except ImportError as error:
            raise MissingExtraError(
                f"--extractor inception needs torch-fidelity ({error}); install it: pip install 'priorkit[evaluation]'"
            ) from None
        path = self._file(inception.URL_INCEPTION_V3)
        try:
            # Checked as plain tensors first: torch-fidelity's own loading could run code from a file.
            torch.load(path, map_location="cpu", weights_only=True)
            with torch.random.fork_rng(devices=[]):
                network = inception.FeatureExtractorInceptionV3(
                    "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)
                )
        except (AttributeError, EOFError, KeyError, OSError, RuntimeError, TypeError, pickle.UnpicklingError) as error:
            raise ConfigurationError(
                f"--extractor.weights {path}: no weights of torch-fidelity's Inception network "
                f"({(str(error) or type(error).__name__).splitlines()[0]}); the file is called "
                f"{inception.URL_INCEPTION_V3.rpartition('/')[2]}"
            ) from None
        self._hash = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        self._network = network.to(self.context.device)

    def _file(self, url: str) -> Path:
        if self.options.weights is not None:
            path = self.options.weights
            if not path.is_file():
                raise ConfigurationError(f"--extractor.weights {path}: there is no such file")
            return path
        folder = self.context.cache / "inception"
        path = folder / url.rpartition("/")[2]
        if not path.is_file():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                torch.hub.download_url_to_file(url, str(path), hash_prefix=_PUBLISHED, progress=False)
            except (OSError, RuntimeError) as error:
                raise DataError(
                    f"--extractor inception: its weights cannot be downloaded ({' '.join(str(error).split())}); get "
                    f"{url} by other means and name the file with --extractor.weights"
                ) from None
        return path

    def extract(self, images: Tensor) -> Features:
        """The last pooling layer, and the probabilities of 1008 classes, from logits without biases as published."""
        assert self._network is not None, "prepare() comes first"
        features, probabilities = [], []
        with torch.no_grad():
            for part in torch.split(images, _CHUNK):
                pooled, logits = self._network(part.to(self.context.device).expand(-1, 3, -1, -1))
                features.append(pooled.float().cpu())
                probabilities.append(logits.float().softmax(1).cpu())
        return Features(torch.cat(features), torch.cat(probabilities))

    def description(self) -> Mapping[str, str | int | float]:
        """Its name, the beginning of the file's SHA-256, and its input size."""
        return {"name": "inception", "weights": self._hash, "resolution": 299}
