"""A trained run, loaded from its folder."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.data import binarised
from priorkit.engine import CheckpointStore, choose_device, choose_precision
from priorkit.engine.torch_defaults import torch_defaults
from priorkit.errors import ConfigurationError, DataError, RunFolderError
from priorkit.interfaces import CodeKind, ImageData, ImageSet, ImageShape, Prior
from priorkit.models import EvaluationNetworks, Model, build_system, tensors_below
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.classes import class_names, find_class
from priorkit.runs.environment import recorded_data
from priorkit.runs.folder import RunFolder
from priorkit.runs.metrics_file import read_metrics
from priorkit.runs.model_inputs import checked_codes, checked_images
from priorkit.runs.recognised_data import read_run_data
from priorkit.runs.used_plugins import require_plugins, with_used_plugins

__all__ = ["Run", "load_run", "weights_do_not_fit"]


class Run:
    """A run: its configuration, its metrics and its trained model.

    Attributes:
        path: The run folder.
        config: The resolved configuration.
        environment: What it was made with.
        shape: The images' shape.
        model: The trained model, in evaluation mode, ready to use.
        checkpoint: The name of the checkpoint's folder that its weights are from: `step-00001500`.
        data: The run's data set, where its prior reads the training images; otherwise None.

    Examples:
        >>> import tempfile
        >>> import priorkit
        >>> config = priorkit.RunConfig(networks={"name": "mlp", "hidden": 8}, steps=1, device="cpu")
        >>> run = priorkit.train(config, f"{tempfile.mkdtemp()}/run")
        >>> run.sample(3).shape
        torch.Size([3, 1, 16, 16])
    """

    def __init__(
        self,
        folder: RunFolder,
        config: RunConfig,
        environment: dict[str, Any],
        model: Model,
        checkpoint: str,
        data: ImageData | None = None,
    ) -> None:
        self.folder = folder
        self.path = folder.path
        self.config = config
        self.environment = environment
        self.model = model
        self.checkpoint = checkpoint
        self.data = data

    @property
    def shape(self) -> ImageShape:
        """The images' shape."""
        return self.model.shape

    @property
    def prior(self) -> Prior:
        """The prior, in evaluation mode."""
        return self.model.prior

    @property
    def checkpoints(self) -> CheckpointStore:
        """The run's checkpoints."""
        return self.folder.checkpoints

    @cached_property
    def metrics(self) -> list[dict[str, float]]:
        """The rows of `metrics.jsonl`; lines in it that are no measurements are left out."""
        return read_metrics(self.folder)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes that condition images; empty where classes do not."""
        return class_names(self.model.condition, self.environment)

    def find_classes(self, wanted: Sequence[int | str]) -> Tensor:
        """The indices of classes, int64 (N,).

        Args:
            wanted: Their names or indices.

        Raises:
            ConfigurationError: There is no such class, it had no images to train on, or the run's images are not
                conditioned on classes.
        """
        if not self.class_names:
            raise ConfigurationError(
                f"{str(self.path)!r} knows no classes: it was trained with --condition {self.config.condition.name}; "
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
        """Whether a class is a label that no training image has; runs of earlier versions do not know."""
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
            text: What to draw, in a run conditioned on texts: one text for all, or `n` of them; instead of `labels`.

        Raises:
            ConfigurationError: The run has no condition, or no such classes, or reads no such text, or more than one of
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
            return self.model.sample(n, seed, self.model.text_conditions(texts))
        if labels is None:
            return self.model.sample(n, seed, condition)
        if isinstance(labels, Tensor):
            if labels.is_floating_point() or labels.ndim > 1:
                raise ValueError(
                    f"labels must be whole numbers, shape ({n},), not {labels.dtype} of shape {tuple(labels.shape)}"
                )
            labels = labels.tolist()
        several = [labels] * n if isinstance(labels, int | str) else labels
        if len(several) != n:
            raise ValueError(f"labels must be one class, or {n} of them, not {len(several)}")
        return self.model.sample(n, seed, self.model.class_conditions(self.find_classes(several)))

    def unread(self, text: str) -> tuple[tuple[str, ...], bool]:
        """What a run conditioned on texts does not read of a text: words that it does not know, and whether it is cut.

        Raises:
            ConfigurationError: The run's images are not conditioned on texts.
        """
        return self.model.reading_condition().unread(text)

    @torch_defaults()
    def encode(self, images: Tensor) -> Tensor:
        """The codes of images (N, C, H, W) in [-1, 1]: the posteriors' means, float32, or int64 indices of a codebook.

        Their shape is (N, D) where codes are vectors, (N, C, H, W) where they are maps, and (N, H, W) of indices.

        Raises:
            ValueError: The images have another shape than those that the run was trained on, are integers, or have
                values outside [-1, 1] or that are not a number.
        """
        images = checked_images(images, self.shape)
        return self.model.encode(images).view(-1, *self.model.code_space.shape)

    def as_trained_on(self, images: Tensor) -> Tensor:
        """uint8 images (N, C, H, W) in black and white, if the run was trained on such; otherwise as they are."""
        return binarised(images, self.config.binarise, self.config.seed, 0)

    @torch_defaults()
    def decode(self, codes: Tensor, *, from_prior: bool) -> Tensor:
        """Turns codes into images: float32 (N, C, H, W) in [-1, 1].

        Args:
            codes: Codes as `encode` gives them, or flat, as `prior` does.
            from_prior: Whether they are the prior's, and not the encoder's: the decoder's batch norm has statistics for
                each of the two. In a run without an encoder there is only the first, whatever is said.

        Raises:
            ValueError: The codes have another shape, are no finite numbers, or no indices of the codebook's entries.
        """
        flat = checked_codes(codes, self.model.code_space)
        return self.model.decode(flat, from_prior=from_prior)

    @torch_defaults()
    def reconstruct(self, images: Tensor) -> Tensor:
        """Encodes and decodes images (N, C, H, W) in [-1, 1].

        Raises:
            ValueError: The images have another shape than those that the run was trained on.
        """
        return self.decode(self.encode(images), from_prior=False)

    @torch_defaults()
    def interpolate(self, starts: Tensor, ends: Tensor, steps: int, *, from_prior: bool) -> Tensor:
        """Decodes the straight lines between codes.

        Args:
            starts: Codes, as for `decode`.
            ends: Codes, as for `decode`.
            steps: Images on each line, its two ends included; at least 2.
            from_prior: Whether the ends are the prior's codes, as for `decode`.

        Returns:
            float32 (N, steps, C, H, W) in [-1, 1].

        Raises:
            ConfigurationError: Codes are indices, and nothing is between two of them.
        """
        if self.model.code_space.kind is CodeKind.INDICES:
            raise ConfigurationError(
                f"the codes of {str(self.path)!r} are indices of a codebook, and nothing is between two of them; "
                "interpolate in a run with another --encoder"
            )
        starts, ends = starts.flatten(1), ends.flatten(1)
        shares = torch.linspace(0, 1, steps, device=starts.device)[None, :, None]
        codes = torch.lerp(starts[:, None], ends[:, None], shares)
        return self.decode(codes.flatten(0, 1), from_prior=from_prior).reshape(len(starts), steps, *self._image_shape)

    @property
    def _image_shape(self) -> tuple[int, int, int]:
        return (self.shape.channels, self.shape.size, self.shape.size)


def weights_do_not_fit(folder: RunFolder, checkpoint: str, error: Exception) -> RunFolderError:
    """The error of a checkpoint whose tensors are not those of the networks that the configuration describes."""
    return RunFolderError(
        f"the weights in {str(folder.checkpoints.path(checkpoint))!r} do not fit {str(folder.config)!r}: was it "
        f"edited, or the run trained by another version of priorkit? ({str(error).splitlines()[0]})"
    )


@torch_defaults()
def load_run(
    path: str | Path,
    *,
    checkpoint: str = "last",
    device: str = "auto",
    precision: str = "float32",
    data_dir: str | Path | None = None,
    registry: Registry | None = None,
) -> Run:
    """Loads a trained run.

    Args:
        path: The run folder.
        checkpoint: `last`, or `best` for the one with the lowest sample distance, or Fréchet distance where the run was
            evaluated as it was trained.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: `auto`, `float32` or `bfloat16`.
        data_dir: Where the run's data set lies now, if not where it lay then; for a run whose prior reads it.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        RunFolderError: The folder is no run, or has no such checkpoint.
        UnknownComponentError: A plug-in that the run used is not installed.
        DeviceError: The device is not available.
        DataError: The run's prior reads the training images, and they cannot be read or are others.
    """
    registry = installed_plugins() if registry is None else registry
    folder = RunFolder.open(Path(path))
    environment = folder.read_environment()
    require_plugins(folder.path, environment, registry)
    config = with_used_plugins(folder.read_config(), environment, registry, folder.config)
    weights = folder.load_weights(checkpoint)
    read: list[ImageData] = []

    def training_images() -> ImageSet:
        if not read:
            where = None if data_dir is None else Path(data_dir)
            try:
                read.append(read_run_data(folder.path, config, environment, where, registry))
            except (DataError, ConfigurationError) as error:
                raise DataError(f"--prior {config.prior.name} reads the run's training images: {error}") from error
        return read[0].train

    summary = dataclasses.replace(recorded_data(environment), training_images=training_images)
    with torch.random.fork_rng(devices=[]):
        system = build_system(config, registry, summary, trained=True)
    chosen = choose_device(device)
    system.to(chosen, channels_last=config.channels_last)
    networks = EvaluationNetworks(system)
    averaged = tensors_below("average", weights)
    try:
        # Averages replace the networks that they followed: what is used is theirs.
        system.load_state({**weights, **averaged})
        networks.load_statistics(tensors_below("use", weights))
    except (KeyError, RuntimeError) as error:
        raise weights_do_not_fit(folder, checkpoint, error) from None
    for module in (*system.modules().values(), *networks.modules().values()):
        module.eval().requires_grad_(False)
    model = Model(system, choose_precision(precision, chosen), networks)
    loaded = folder.checkpoints.path(checkpoint).name
    return Run(folder, config, environment, model, loaded, read[0] if read else None)
