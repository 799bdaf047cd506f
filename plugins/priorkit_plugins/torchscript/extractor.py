"""The feature extractor `torchscript`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from priorkit.errors import ConfigurationError
from priorkit.interfaces import FeatureExtractor, Features, ImageData
from priorkit.plugins import ExtractorContext

if TYPE_CHECKING:
    from priorkit_plugins.torchscript import TorchScriptOptions

__all__ = ["TorchScriptExtractor"]

_CHUNK = 100
"""Images at a time."""


class TorchScriptExtractor(FeatureExtractor):
    """A module saved by `torch.jit.save`.

    Args:
        options: The file, and the module's kind of input.
        context: The images' shape and the device.
    """

    def __init__(self, options: TorchScriptOptions, context: ExtractorContext) -> None:
        self.options = options
        self.context = context
        self._module: Any = None
        self._hash = ""

    def prepare(self, data: ImageData) -> None:
        """Loads the module and tries it on a blank image."""
        if self._module is not None:
            return
        if self.options.file is None:
            raise ConfigurationError("--extractor torchscript needs a module: name its file with --extractor.file")
        path = self.options.file
        if not path.is_file():
            raise ConfigurationError(f"--extractor.file {path}: there is no such file")
        try:
            self._module = torch.jit.load(str(path), map_location=self.context.device).eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            raise ConfigurationError(
                f"--extractor.file {path}: not a TorchScript module ({str(error).splitlines()[0]}); write one with "
                "torch.jit.save(torch.jit.script(module), path)"
            ) from None
        self._hash = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        shape = self.context.shape
        self.extract(torch.zeros(2, shape.channels, shape.size, shape.size, dtype=torch.uint8))

    def extract(self, images: Tensor) -> Features:
        """The module's features, and the probabilities of its logits.

        Raises:
            ConfigurationError: The module fails, or returns something else.
        """
        assert self._module is not None, "prepare() comes first"
        found = [self._run(part) for part in torch.split(images, _CHUNK)]
        logits = [item[1] for item in found if item[1] is not None]
        return Features(
            torch.cat([item[0] for item in found]), torch.cat(logits).softmax(1) if len(logits) == len(found) else None
        )

    def _run(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        given = self._input(images.to(self.context.device))
        try:
            with torch.no_grad():
                output = self._module(given)
        except (RuntimeError, torch.jit.Error) as error:
            # The last line of TorchScript's message says what went wrong, the others where.
            raise ConfigurationError(
                f"--extractor.file {self.options.file}: the module fails on {given.dtype} images of shape "
                f"{tuple(given.shape)} ({str(error).strip().splitlines()[-1]}); --extractor.input, --extractor.size "
                "and --extractor.rgb define its input"
            ) from None
        features, logits = output if isinstance(output, tuple) and len(output) == 2 else (output, None)
        parts = [item for item in (features, logits) if item is not None]
        if not all(isinstance(item, Tensor) and item.ndim == 2 and len(item) == len(images) for item in parts):
            shapes = ", ".join(_in_words(item) for item in parts)
            raise ConfigurationError(
                f"--extractor.file {self.options.file}: the module returns {shapes} for {len(images)} images; expected "
                f"features ({len(images)}, D), or a tuple of them and logits ({len(images)}, K)"
            )
        return features.float().cpu(), None if logits is None else logits.float().cpu()

    def _input(self, images: Tensor) -> Tensor:
        if self.options.rgb:
            images = images.expand(-1, 3, -1, -1)
        pixels = images.float()
        if self.options.size is not None and self.options.size != images.shape[-1]:
            side = (self.options.size, self.options.size)
            pixels = functional.interpolate(pixels, side, mode="bilinear", align_corners=False, antialias=True)
        match self.options.input:
            case "uint8":
                return pixels.round().clamp(0, 255).to(torch.uint8)
            case "unit":
                return pixels / 255
            case _:
                return pixels / 127.5 - 1

    def description(self) -> Mapping[str, str | int | float]:
        """Its name, the beginning of the file's SHA-256, and its input size."""
        size = self.options.size or self.context.shape.size
        return {"name": "torchscript", "weights": self._hash, "resolution": size}


def _in_words(output: object) -> str:
    return str(tuple(output.shape)) if isinstance(output, Tensor) else type(output).__name__
