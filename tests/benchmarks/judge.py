"""The judge: a classifier that no training uses, and its scores of images.

It is a residual network with its own seed, trained on the data set's labels by the benchmarks only. A run may choose
its best checkpoint by priorkit's own `classifier`, but never by this one.
"""

import dataclasses
import hashlib
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from priorkit.data import to_float
from priorkit.engine import choose_device, choose_precision
from priorkit.evaluation import frechet_distance, inception_score
from priorkit.interfaces import ImageData, ImageSet

__all__ = ["Judge", "JudgeSettings", "Verdict", "default_cache", "find_judge"]

_FORMAT = 1
"""Raise this number whenever the network or its training changes."""
_SEED = 20161
_BATCH = 128
_CHUNK = 500
_FEWEST_STEPS = 300
_SHIFT = 4
"""Largest shift of a colour image in each direction, in pixels."""


def _steps(images: ImageSet) -> int:
    """Returns the number of whole batches in a pass."""
    return len(images) // min(_BATCH, len(images))


@dataclass(frozen=True)
class JudgeSettings:
    """How a judge is trained.

    Attributes:
        epochs: Passes over the training images.
        width: Channels of the first layer.
        augment: True if images are mirrored and shifted.
    """

    epochs: int
    width: int
    augment: bool

    @classmethod
    def usual(cls, data: ImageData, epochs: int | None = None) -> "JudgeSettings":
        """Returns 3 passes for grey images, 20 with augmentation for colour, and more if these give under 300 steps."""
        colour = data.shape.channels > 1
        fewest = math.ceil(_FEWEST_STEPS / _steps(data.train))
        return cls(epochs or max(20 if colour else 3, fewest), 24 if colour else 16, augment=colour)


@dataclass(frozen=True)
class Verdict:
    """The judge's scores of a set of images.

    Attributes:
        score: The formula of the Inception Score on the judge's probabilities; at most the number of classes.
        distance: The Fréchet distance between the features of the images and those of the held-out images.
    """

    score: float
    distance: float


def _layer(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(_layer(channels, channels), _layer(channels, channels))

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = images + self.branch(images)
        return out


class _Network(nn.Module):
    """A ResNet of nine layers; its features are the means of the last channels over the image."""

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            _layer(channels, width),
            _layer(width, 2 * width),
            nn.MaxPool2d(2),
            _Residual(2 * width),
            _layer(2 * width, 4 * width),
            nn.MaxPool2d(2),
            _layer(4 * width, 8 * width),
            nn.MaxPool2d(2),
            _Residual(8 * width),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(8 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.trunk(images.contiguous(memory_format=torch.channels_last)))
        return logits


def _augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirrors images at random, and shifts each by up to four pixels, with mirrored edges."""
    count, _, side, _ = images.shape
    flip = torch.rand(count, generator=generator) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    padded = functional.pad(images, (_SHIFT,) * 4, mode="reflect")
    top, left = torch.randint(2 * _SHIFT + 1, (2, count), generator=generator)
    span = torch.arange(side)
    rows, columns = (top[:, None] + span)[:, :, None], (left[:, None] + span)[:, None, :]
    moved = padded.permute(0, 2, 3, 1)[torch.arange(count)[:, None, None], rows, columns]
    return moved.permute(0, 3, 1, 2)


def _train(images: ImageSet, classes: int, settings: JudgeSettings, device: torch.device) -> _Network:
    """Trains a network by SGD with Nesterov's momentum; the learning rate rises to 0.1 and falls to 0."""
    assert images.labels is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        network = _Network(images.shape[0], classes, settings.width)
    network.to(device).to(memory_format=torch.channels_last).train()
    batch, per_epoch, epochs = min(_BATCH, len(images)), _steps(images), settings.epochs
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=epochs * per_epoch, pct_start=0.25)
    generator = torch.Generator().manual_seed(_SEED)
    precision = choose_precision("auto", device)
    for epoch in range(epochs):
        losses = []
        for indices in torch.split(torch.randperm(len(images), generator=generator)[: per_epoch * batch], batch):
            pixels = to_float(images.take(indices))
            if settings.augment:
                pixels = _augmented(pixels, generator)
            with precision.autocast():
                logits = network(pixels.to(device))
            loss = functional.cross_entropy(logits.float(), images.labels[indices].to(device))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        mean = float(torch.stack(losses).mean())
        print(f"judge: epoch {epoch + 1} of {epochs}, loss {mean:.4f}", file=sys.stderr, flush=True)
    return network


class Judge:
    """A trained classifier; computes in float32.

    Args:
        network: The trained network.
        data: The data set. Distances are to its held-out images.
        device: The device on which to compute.

    Attributes:
        accuracy: The share of held-out images that the judge classifies correctly; None if they have no labels.
    """

    def __init__(self, network: _Network, data: ImageData, device: torch.device) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last).eval()
        self.data = data
        self.device = device
        features, probabilities = self._look(data.test.take(torch.arange(len(data.test))))
        self._real = features
        labels = data.test.labels
        self.accuracy = None if labels is None else float((probabilities.argmax(1) == labels).double().mean())

    @torch.no_grad()
    def _look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns features and probabilities of uint8 images, on the CPU."""
        found = []
        for part in torch.split(images, _CHUNK):
            scaled = to_float(part.to(self.device)).contiguous(memory_format=torch.channels_last)
            features = self.network.trunk(scaled)
            found.append((features.cpu(), self.network.head(features).softmax(1).cpu()))
        return torch.cat([item[0] for item in found]), torch.cat([item[1] for item in found])

    def judge(self, images: Tensor) -> Verdict:
        """Scores at least two images, uint8 of shape (N, C, H, W)."""
        features, probabilities = self._look(images)
        return Verdict(inception_score(probabilities)[0], frechet_distance(features, self._real))

    def judge_training_images(self, n: int) -> Verdict:
        """Scores n of the judge's training images: the scores of perfect samples."""
        return self.judge(self.data.train.spread(n))


def default_cache() -> Path:
    """Returns the folder `priorkit-benchmarks` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "priorkit-benchmarks"


def _key(data: ImageData, settings: JudgeSettings) -> str:
    digest = hashlib.blake2b(repr((_FORMAT, _SEED, dataclasses.astuple(settings))).encode(), digest_size=8)
    for part in (data.train, data.test):
        images, labels = part.images, part.labels
        digest.update(images.contiguous().numpy().data if isinstance(images, Tensor) else images.fingerprint().encode())
        if labels is not None:
            digest.update(labels.contiguous().numpy().data)
    return digest.hexdigest()


def find_judge(data: ImageData, cache: Path, epochs: int | None = None, device: str = "auto") -> Judge:
    """Loads the judge of a data set from the cache, or trains it and saves it there.

    Args:
        data: Images with labels.
        cache: The cache folder; made if it does not exist.
        epochs: Passes over the training images; by default the number of `JudgeSettings.usual`.
        device: The device on which to train and compute: `auto`, `cpu` or `cuda`.

    Raises:
        ValueError: The training images have no labels.
    """
    labels = data.train.labels
    if labels is None:
        raise ValueError("the judge learns from labels, and this data set has none; use one with labels")
    settings = JudgeSettings.usual(data, epochs)
    classes = max(len(data.class_names), int(labels.max()) + 1)
    path = cache / f"judge-{_key(data, settings)}.pt"
    chosen = choose_device(device)
    if path.exists():
        with torch.random.fork_rng(devices=[]):
            network = _Network(data.shape.channels, classes, settings.width)
        network.load_state_dict(torch.load(path, weights_only=True))
        return Judge(network, data, chosen)
    network = _train(data.train, classes, settings, chosen)
    cache.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    torch.save({name: tensor.cpu() for name, tensor in network.state_dict().items()}, draft)
    draft.replace(path)
    return Judge(network, data, chosen)
