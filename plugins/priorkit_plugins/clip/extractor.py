"""The feature extractor `clip`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from priorkit.interfaces import FeatureExtractor, Features, ImageData
from priorkit.plugins import ExtractorContext
from priorkit_plugins.clip.model_folder import CLIPParts, read_clip
from priorkit_plugins.network_cache import weights_hash
from priorkit_plugins.single_precision import single_precision

if TYPE_CHECKING:
    from priorkit_plugins.clip import CLIPOptions

__all__ = ["CLIPExtractor"]

_CHUNK = 50
"""Images or texts at a time: the model resizes images to about 224 pixels."""


class CLIPExtractor(FeatureExtractor):
    """The projections of a CLIP model, of images and of texts, as transformers computes them.

    Images are resized, cropped and standardised as the model's folder specifies; grey images are converted to RGB.
    Texts that are too long for the model are cut off.

    Args:
        options: The location of the model.
        context: The run's context, for the device.
    """

    reads_text = True
    is_clip = True

    def __init__(self, options: CLIPOptions, context: ExtractorContext) -> None:
        self.options = options
        self.context = context
        self._parts: CLIPParts | None = None
        self._hash = ""

    def prepare(self, data: ImageData) -> None:
        """Reads the model."""
        if self._parts is not None:
            return
        with torch.random.fork_rng(devices=[]):
            parts = read_clip(self.options.model, self.options.hub)
        self._hash = weights_hash(parts.model.state_dict())
        parts.model.requires_grad_(False).eval().float().to(self.context.device)
        self._parts = parts

    @torch.no_grad()
    def extract(self, images: Tensor) -> Features:
        """The projections of images; it does not classify."""
        model, _, processor = self._prepared()
        found = []
        for part in torch.split(images, _CHUNK):
            given = list(part.expand(-1, 3, -1, -1))
            pixels = processor(images=given, return_tensors="pt", input_data_format="channels_first")["pixel_values"]
            with single_precision(self.context.device):
                pooled = model.vision_model(pixel_values=pixels.to(self.context.device)).pooler_output
                found.append(model.visual_projection(pooled).float().cpu())
        return Features(torch.cat(found))

    @torch.no_grad()
    def text_features(self, texts: Sequence[str]) -> Tensor:
        """The projections of texts."""
        model, tokenizer, _ = self._prepared()
        length = model.config.text_config.max_position_embeddings
        found = []
        for start in range(0, len(texts), _CHUNK):
            part = list(texts[start : start + _CHUNK])
            tokens = tokenizer(part, padding=True, truncation=True, max_length=length, return_tensors="pt")
            given = {name: tokens[name].to(self.context.device) for name in ("input_ids", "attention_mask")}
            with single_precision(self.context.device):
                found.append(model.text_projection(model.text_model(**given).pooler_output).float().cpu())
        return torch.cat(found)

    def _prepared(self) -> CLIPParts:
        assert self._parts is not None, "prepare() comes first"
        return self._parts

    def description(self) -> Mapping[str, str | int | float]:
        """Its name, a hash of the weights, and the size to which images are resized."""
        size = self._prepared().model.config.vision_config.image_size
        return {"name": "clip", "weights": self._hash, "resolution": int(size)}
