"""The residual blocks of the encoder and the decoder."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

__all__ = ["BlockNorm", "ResidualBlock", "Upsampling"]

BlockNorm = Literal["batch", "group", "none"]
"""A norm behind the convolutions: of a channel over the batch; of groups of channels of each image; or none."""

Upsampling = Literal["transposed", "nearest"]
"""How a block doubles height and width: by a transposed 4x4 convolution, or by nearest neighbours before a 3x3."""

_SAFE_CHANNELS = 8
"""Of so many channels, strided 1x1 convolutions are safe everywhere."""

_GROUPS = 8
"""Groups of channels, at most (a quarter of Wu and He 2018, arXiv:1803.08494: channels are few here)."""


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, plus a skip connection, ReLU (Table A.1 of Wang et al. 2020).

    The first convolution resamples: 3x3 of stride 2 downwards, a transposed 4x4 of stride 2 upwards (or a 3x3 behind
    nearest-neighbour upsampling: Odena et al. 2016, doi:10.23915/distill.00003), otherwise 3x3 of stride 1; the second
    is always 3x3. The table leaves open how the skip connection follows. Here it is the identity
    where the shape stays, and a 1x1 convolution where it changes (He et al. 2015, arXiv:1512.03385), of stride 2
    downwards, and followed by nearest-neighbour upsampling upwards.

    With a norm, weights have torch's default initialisation. Without it, that would shrink the signal to nothing
    within a few blocks, so the weights are drawn such that each branch, and a block whose skip connection is a
    convolution, preserves its input's mean square (He et al. 2015, arXiv:1502.01852, Section 2.2), and biases are zero.

    Args:
        inputs: Channels of the input, shape (N, inputs, H, W).
        outputs: Channels of the output.
        resample: Whether the output has half ("down") or twice ("up") the input's height and width, or the same.
        norm: Which norm follows every convolution. The convolutions have no biases where there is one.
        upsampling: How it resamples upwards.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        resample: Literal["down", "up"] | None = None,
        *,
        norm: BlockNorm = "batch",
        upsampling: Upsampling = "transposed",
    ) -> None:
        super().__init__()
        bias = norm == "none"
        first: nn.Conv2d | nn.ConvTranspose2d
        if resample == "up" and upsampling == "transposed":
            first = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)
        else:
            first = nn.Conv2d(inputs, outputs, 3, stride=2 if resample == "down" else 1, padding=1, bias=bias)
        second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        enlarged = [nn.Upsample(scale_factor=2)] if resample == "up" and upsampling == "nearest" else []
        self.residual = nn.Sequential(
            *enlarged, first, *_norms(outputs, norm), nn.ReLU(), second, *_norms(outputs, norm)
        )
        self.skip = nn.Sequential()
        if resample or inputs != outputs:
            projection = _PointwiseConvolution(inputs, outputs, 1, stride=2 if resample == "down" else 1, bias=bias)
            self.skip.extend([projection, *_norms(outputs, norm)])
        if resample == "up":
            # After the convolution, which commutes with it and so works on a quarter of the pixels.
            self.skip.append(nn.Upsample(scale_factor=2))
        self.activation = nn.ReLU()
        if norm == "none":
            _preserve_scale(first, rectified=True)
            # Their sum has twice the mean square that either has, of which the last ReLU leaves half.
            _preserve_scale(second, rectified=False)
            if len(self.skip):
                _preserve_scale(self.skip[0], rectified=False)

    def forward(self, image: Tensor) -> Tensor:
        """From (N, inputs, H, W) to (N, outputs, H', W')."""
        output: Tensor = self.activation(self.residual(image) + self.skip(image))
        return output


class _PointwiseConvolution(nn.Conv2d):
    """A 1x1 convolution; of few channels that lie channels-last, it takes the pixels it needs before it, not within it.

    There, oneDNN's gradients of strided 1x1 convolutions write beyond their memory on processors with AVX2 alone (torch
    2.14, less than 8 channels), which ends the process sooner or later.
    """

    def forward(self, image: Tensor) -> Tensor:
        """From (N, inputs, H, W) to (N, outputs, H', W')."""
        if self.in_channels < _SAFE_CHANNELS and image.is_contiguous(memory_format=torch.channels_last):
            rows, columns = self.stride
            return conv2d(image[:, :, ::rows, ::columns], self.weight, self.bias)
        return super().forward(image)


def _norms(channels: int, norm: BlockNorm) -> list[nn.Module]:
    match norm:
        case "batch":
            return [nn.BatchNorm2d(channels)]
        case "group":
            return [nn.GroupNorm(math.gcd(channels, _GROUPS), channels)]
    return []


def _preserve_scale(convolution: nn.Module, *, rectified: bool) -> None:
    """Draws weights with which the output, after a ReLU if there is one, has the mean square of the input."""
    assert isinstance(convolution, nn.Conv2d | nn.ConvTranspose2d)
    terms = convolution.in_channels * math.prod(convolution.kernel_size)
    if isinstance(convolution, nn.ConvTranspose2d):
        terms //= math.prod(convolution.stride)  # each output pixel sees only so many of the kernel's weights
    nn.init.normal_(convolution.weight, std=math.sqrt((2 if rectified else 1) / terms))
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
