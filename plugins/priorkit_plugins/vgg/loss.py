"""The distance of VGG-16's features."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import torch
from torch import Tensor
from torch.nn import functional

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic, ReconstructionLoss

__all__ = ["VGGLoss"]

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the 3x3 convolutions; max pooling halves the image between blocks (Simonyan and Zisserman 2015, D)."""

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet's images in [0, 1], for which the weights were trained."""


def _layers() -> Iterator[tuple[str, int, int, int]]:
    """Each convolution: the name of its ReLU, its number in torchvision's `features`, and its channels."""
    index, inputs = count(), 3
    for block, channels in enumerate(_BLOCKS, 1):
        for position, outputs in enumerate(channels, 1):
            yield f"relu{block}_{position}", next(index), inputs, outputs
            next(index)  # the ReLU
            inputs = outputs
        next(index)  # the pooling


class VGGLoss(ReconstructionLoss):
    """The mean squared difference of features of VGG-16, summed over layers (Johnson et al. 2016, Eq. 2).

    Images are normalised as the network's training images were; grey images get three equal channels. The network is
    frozen and not saved with a run: its weights are non-persistent buffers.

    Args:
        weights: The weights of torchvision's VGG-16, by name; None for blank weights, if nothing is trained.
        layers: The layers whose features are compared, `relu1_1` to `relu5_3`.
        weight: Factor of the loss.

    Raises:
        ConfigurationError: The weights are those of another network.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: Mapping[str, Tensor] | None, layers: Sequence[str], weight: float = 1.0) -> None:
        super().__init__()
        self.layers = tuple(dict.fromkeys(layers))
        self.weight = weight
        self._names: list[str] = []
        for name, index, inputs, outputs in _layers():
            if set(self.layers) <= set(self._names):
                break
            for kind, shape in (("weight", (outputs, inputs, 3, 3)), ("bias", (outputs,))):
                key = f"features.{index}.{kind}"
                if weights is None:
                    self.register_buffer(f"{name}_{kind}", torch.zeros(shape), persistent=False)
                    continue
                if key not in weights or tuple(weights[key].shape) != shape:
                    found = f"has shape {tuple(weights[key].shape)}" if key in weights else "is missing"
                    raise ConfigurationError(
                        f"--loss.weights: these are not torchvision's weights of VGG-16: {key} {found}, and should "
                        f"have shape {shape}"
                    )
                self.register_buffer(f"{name}_{kind}", weights[key].detach().float().clone(), persistent=False)
            self._names.append(name)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        """The loss of reconstructions (N, C, H, W) in [-1, 1] with 1 or 3 channels, a float32 scalar."""
        with torch.no_grad():
            wanted = list(self._features(image))
        differences = zip(self._features(reconstruction), wanted, strict=True)
        losses = [(given.float() - target.float()).square().mean() for given, target in differences]
        return self.weight * torch.stack(losses).sum()

    def _features(self, image: Tensor) -> Iterator[Tensor]:
        features = ((image.float() + 1) / 2 - self.mean) / self.deviation  # grey becomes three channels here
        for name in self._names:
            if name.endswith("_1") and name != "relu1_1":
                features = functional.max_pool2d(features, 2)
            weight, bias = self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")
            features = torch.relu(functional.conv2d(features, weight, bias, padding=1))
            if name in self.layers:
                yield features
