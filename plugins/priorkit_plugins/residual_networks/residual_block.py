"""The residual blocks of the encoder and the decoder."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

__all__ = ["BlockNorm", "ResidualBlock", "Upsampling"]

BlockNorm = Literal["batch", "group", "none"]
"""The norm after convolutions: batch norm, group norm, or none."""

Upsampling = Literal["transposed", "nearest"]
"""How a block doubles height and width: by a transposed 4x4 convolution, or by nearest neighbours and a 3x3
convolution."""

_SAFE_CHANNELS = 8
"""From this many channels on, strided 1x1 convolutions are safe on all processors."""

_GROUPS = 8
"""Groups of channels, at most (a quarter of Wu and He 2018, arXiv:1803.08494: channels are few here)."""


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, plus a skip connection, ReLU (Table A.1 of Wang et al. 2020).

    The first convolution resamples: 3x3 of stride 2 downwards, a transposed 4x4 of stride 2 upwards (or a 3x3 after
    nearest-neighbour upsampling: Odena et al. 2016, doi:10.23915/distill.00003), otherwise 3x3 of stride 1; the second
    is always 3x3. The table does not specify how the skip connection resamples. Here it is the identity if the shape
    stays the same, and otherwise a 1x1 convolution (He et al. 2015, arXiv:1512.03385), of stride 2 downwards, and
    followed by nearest-neighbour upsampling upwards.

    With a norm, weights have torch's default initialisation. Without a norm, this initialisation would make the signal
    vanish within a few blocks, so weights are drawn such that each branch, and a block whose skip connection is a
    convolution, preserves its input's mean square (He et al. 2015, arXiv:1502.01852, Section 2.2), and biases are zero.

    Args:
        inputs: Channels of the input, shape (N, inputs, H, W).
        outputs: Channels of the output.
        resample: Whether the output has half ("down") or twice ("up") the input's height and width, or the same.
        norm: The norm after every convolution. Convolutions followed by a norm have no biases.
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
            # Upsampling comes after the convolution, with which it commutes, to save computation.
            self.skip.append(nn.Upsample(scale_factor=2))
        self.activation = nn.ReLU()
        if norm == "none":
            _preserve_scale(first, rectified=True)
            # The sum of both branches has twice the mean square of either; the last ReLU halves it.
            _preserve_scale(second, rectified=False)
            if len(self.skip):
                _preserve_scale(self.skip[0], rectified=False)

    def forward(self, image: Tensor) -> Tensor:
        """From (N, inputs, H, W) to (N, outputs, H', W')."""
        output: Tensor = self.activation(self.residual(image) + self.skip(image))
        return output


class _PointwiseConvolution(nn.Conv2d):
    """A 1x1 convolution that, with few channels-last channels, subsamples the image before the convolution.

    In this case, oneDNN's gradients of strided 1x1 convolutions write out of bounds on processors with AVX2 only (torch
    2.14, fewer than 8 channels), which eventually crashes the process.
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
    """Draws weights such that the output, after a ReLU if there is one, has the input's mean square."""
    assert isinstance(convolution, nn.Conv2d | nn.ConvTranspose2d)
    terms = convolution.in_channels * math.prod(convolution.kernel_size)
    if isinstance(convolution, nn.ConvTranspose2d):
        terms //= math.prod(convolution.stride)  # each output pixel sees only so many of the kernel's weights
    nn.init.normal_(convolution.weight, std=math.sqrt((2 if rectified else 1) / terms))
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
