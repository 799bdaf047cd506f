"""Sampling, encoding and decoding with a run's model."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.data import binarised
from priorkit.engine import torch_defaults
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.interfaces import CodeKind, ImageData, ImageShape, Prior
from priorkit.models import Model
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.classes import class_names, find_class
from priorkit.runs.folder import RunFolder
from priorkit.runs.model_inputs import checked_codes, checked_images

__all__ = ["RunModel"]


class RunModel:
    """Base of `Run`: sampling, encoding and decoding with its model.

    Attributes:
        folder: The run folder.
        path: The path of the run folder.
        config: The resolved configuration.
        environment: The environment of its training: versions, hardware, plug-ins, data.
        model: The trained model, in evaluation mode, ready to use.
        checkpoint: The name of the loaded checkpoint's folder: `step-00001500`.
        data: The run's data set, if its prior reads the training images; otherwise None.
        registry: The registry of its components.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: RunConfig,
        environment: dict[str, Any],
        model: Model,
        checkpoint: str,
        data: ImageData | None = None,
        registry: Registry | None = None,
    ) -> None:
        self.folder = folder
        self.path = folder.path
        self.config = config
        self.environment = environment
        self.model = model
        self.checkpoint = checkpoint
        self.data = data
        self.registry = installed_plugins() if registry is None else registry

    @property
    def shape(self) -> ImageShape:
        """The images' shape."""
        return self.model.shape

    @property
    def prior(self) -> Prior:
        """The prior, in evaluation mode."""
        return self.model.prior

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes of the condition; empty if it has none."""
        return class_names(self.model.condition, self.environment)

    def find_classes(self, wanted: Sequence[int | str]) -> Tensor:
        """The indices of classes, int64 (N,).

        Args:
            wanted: Their names or indices.

        Raises:
            ConfigurationError: There is no such class, it had no training images, or the run's images are not
                conditioned on classes.
        """
        if not self.class_names:
            raise ConfigurationError(
                f"{str(self.path)!r} has no classes: it was trained with --condition {self.config.condition.name}; "
                "train a run with --condition labels or categorical"
            )
        found = [find_class(item, self.class_names) for item in wanted]
        untrained = [index for index in found if self._never_seen(index)]
        if untrained:
            raise ConfigurationError(
                f"class {self.class_names[untrained[0]]!r} had no image to train on, so {str(self.path)!r} has not "
                "learned what it looks like; name another class"
            )
        return torch.tensor(found, dtype=torch.int64)

    def _never_seen(self, index: int) -> bool:
        """Whether no training image has this class as its label; False if an earlier version did not record it."""
        counts = self.environment["data"].get("class_counts", ())
        condition = self.model.condition
        return condition is not None and condition.from_labels and index < len(counts) and not counts[index]

    @torch_defaults()
    def sample(
        self,
        n: int,
        *,
        seed: int = 0,
        labels: int | str | Sequence[int | str] | Tensor | None = None,
        condition: Tensor | None = None,
        text: str | Sequence[str] | None = None,
    ) -> Tensor:
        """Draws `n` images from the model: float32 (n, C, H, W) in [-1, 1]. The same seed gives the same images.

        Args:
            n: Number of images.
            seed: Seed of the noise, and of the conditioning vectors unless they are given.
            labels: Classes to draw, by index or name, in a run with classes: one for all, or `n` of them.
            condition: s itself, shape (n, dim), in a run with a condition; instead of `labels`.
            text: Texts to draw images for, in a run conditioned on texts: one text for all, or `n` of them; instead of
                `labels`.

        Raises:
            ConfigurationError: The run has no condition, or no such classes, or cannot read a text; or more than one of
                labels, condition and text is given.
            ValueError: `n` is below 1, or labels or condition have another shape.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        given = {"labels": labels, "condition": condition, "text": text}
        several_given = [name for name, value in given.items() if value is not None]
        if len(several_given) > 1:
            raise ConfigurationError(f"{' and '.join(several_given)} both say what to draw: give one of them")
        if text is not None:
            texts = [text] * n if isinstance(text, str) else text
            if len(texts) != n:
                raise ValueError(f"text must be one text, or {n} of them, not {len(texts)}")
            return self._finite(self.model.sample(n, seed, self.model.text_conditions(texts)), "samples")
        if labels is None:
            return self._finite(self.model.sample(n, seed, condition), "samples")
        if isinstance(labels, Tensor):
            if labels.is_floating_point() or labels.ndim > 1:
                raise ValueError(
                    f"labels must be whole numbers, shape ({n},), not {labels.dtype} of shape {tuple(labels.shape)}"
                )
            labels = labels.tolist()
        elif isinstance(labels, np.ndarray | np.generic):
            labels = labels.tolist()
        several: Any = [labels] * n if isinstance(labels, int | str) else labels
        if len(several) != n:
            raise ValueError(f"labels must be one class, or {n} of them, not {len(several)}")
        conditions = self.model.class_conditions(self.find_classes(several))
        return self._finite(self.model.sample(n, seed, conditions), "samples")

    def unread(self, text: str) -> tuple[tuple[str, ...], bool]:
        """What a run conditioned on texts ignores of a text: its unknown words, and whether its end is cut off.

        Raises:
            ConfigurationError: The run's images are not conditioned on texts.
        """
        return self.model.reading_condition().unread(text)

    @torch_defaults()
    def encode(self, images: Any) -> Tensor:
        """The codes of images: the posteriors' means, float32, or int64 indices of a codebook.

        Their shape is (N, D) for vectors, (N, C, H, W) for maps, and (N, H, W) for indices.

        Args:
            images: A tensor or an array, (N, C, H, W) or (N, H, W, C): uint8, or floating-point numbers in [-1, 1].

        Raises:
            ValueError: The images have another shape than those that the run was trained on, or values outside [-1, 1]
                or that are not a number.
        """
        images = checked_images(images, self.shape)
        return self._finite(self.model.encode(images), "codes").view(-1, *self.model.code_space.shape)

    def as_trained_on(self, images: Tensor) -> Tensor:
        """Converts uint8 images (N, C, H, W) to black and white if the run was trained on such images."""
        return binarised(images, self.config.binarise, self.config.seed, 0)

    @torch_defaults()
    def decode(self, codes: Any, *, from_prior: bool) -> Tensor:
        """Turns codes into images: float32 (N, C, H, W) in [-1, 1].

        Args:
            codes: A tensor or an array: codes as returned by `encode`, or flat, as returned by `prior`.
            from_prior: Whether the codes are the prior's or the encoder's: the decoder's batch norm has separate
                statistics for these. Ignored in a run without an encoder.

        Raises:
            ValueError: The codes have another shape, are not finite numbers, or are not indices of the codebook.
        """
        flat = checked_codes(codes, self.model.code_space)
        return self._finite(self.model.decode(flat, from_prior=from_prior), "decoded images")

    @torch_defaults()
    def reconstruct(self, images: Any) -> Tensor:
        """Encodes and decodes images, as `encode` takes them: float32 (N, C, H, W) in [-1, 1].

        Raises:
            ValueError: The images have another shape than those that the run was trained on.
        """
        return self.decode(self.encode(images), from_prior=False)

    @torch_defaults()
    def interpolate(self, starts: Any, ends: Any, steps: int, *, from_prior: bool) -> Tensor:
        """Decodes the straight lines between codes.

        Args:
            starts: Codes, as for `decode`.
            ends: Codes, as for `decode`.
            steps: Number of images on each line, including both ends; at least 2.
            from_prior: Whether the ends are the prior's codes, as for `decode`.

        Returns:
            float32 (N, steps, C, H, W) in [-1, 1].

        Raises:
            ConfigurationError: Codes are indices, which cannot be interpolated.
        """
        if self.model.code_space.kind is CodeKind.INDICES:
            raise ConfigurationError(
                f"the codes of {str(self.path)!r} are indices of a codebook, which cannot be interpolated; "
                "use a run with another --encoder"
            )
        starts, ends = (checked_codes(codes, self.model.code_space) for codes in (starts, ends))
        shares = torch.linspace(0, 1, steps, device=starts.device)[None, :, None]
        codes = torch.lerp(starts[:, None], ends[:, None], shares)
        return self.decode(codes.flatten(0, 1), from_prior=from_prior).reshape(len(starts), steps, *self._image_shape)

    def _finite(self, values: Tensor, what: str) -> Tensor:
        """Returns the values, after checking that they are finite: otherwise pictures would be black.

        Raises:
            RunFolderError: They are not finite.
        """
        if bool(values.isfinite().all()):
            return values
        raise RunFolderError(
            f"the {what} of {str(self.path)!r} ({self.checkpoint}) are not finite: the input is not, or a network "
            "fails on it; check the input, try --checkpoint best, or train the run again"
        )

    @property
    def _image_shape(self) -> tuple[int, int, int]:
        return (self.shape.channels, self.shape.size, self.shape.size)
