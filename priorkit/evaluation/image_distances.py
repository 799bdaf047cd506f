"""Distances of reconstructions from their images, for each image."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path

import torch
from torch import Tensor

from priorkit.errors import DataError, MissingExtraError

__all__ = ["load_lpips", "peak_signal_to_noise", "squared_error", "structural_similarity"]

_ALEXNET = "alexnet-owt-7be5be79.pth"
_EXTRA = "install it: pip install 'priorkit[evaluation]'"


def squared_error(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error of each image over its pixels and channels: shape (N,), values in [0, 4].

    Args:
        reconstructions: Shape (N, C, H, W), values in [-1, 1].
        images: The originals, same shape and range.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import squared_error
        >>> black, grey = torch.full((2, 1, 16, 16), -1.0), torch.zeros(2, 1, 16, 16)
        >>> squared_error(black, grey)
        tensor([1., 1.])
    """
    return (reconstructions.float() - images.float()).square().flatten(1).mean(1)


def peak_signal_to_noise(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image in decibels, shape (N,): 10 log10(2^2 / MSE), as the range is 2.

    Infinite for an image that is reproduced exactly.

    Args:
        reconstructions: Shape (N, C, H, W), values in [-1, 1].
        images: The originals, same shape and range.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import peak_signal_to_noise
        >>> images = torch.zeros(2, 1, 16, 16)
        >>> peak_signal_to_noise(images + 0.2, images).round()
        tensor([20., 20.])
    """
    return 10 * torch.log10(4 / squared_error(reconstructions, images))


def structural_similarity(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Structural similarity of each image, shape (N,), at most 1 (Wang et al. 2004, Image quality assessment).

    As published, windows are Gaussian, 11 pixels wide, with a standard deviation of 1.5 pixels. Images are mirrored at
    their borders. For RGB, the mean over the channels.

    Args:
        reconstructions: Shape (N, C, H, W), values in [-1, 1], more than 5 pixels high and wide.
        images: The originals, same shape and range.

    Raises:
        MissingExtraError: torchmetrics is not installed.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import structural_similarity
        >>> images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
        >>> (structural_similarity(images, images) > 0.999).tolist()
        [True, True]
        >>> (structural_similarity(-images, images) < 0).tolist()
        [True, True]
    """
    try:
        from torchmetrics.functional.image import structural_similarity_index_measure
    except ImportError as error:
        raise MissingExtraError(f"SSIM needs torchmetrics ({error}); {_EXTRA}") from None
    # SSIM compares brightness as a ratio, so black must be 0.
    made, wanted = ((item.float() + 1) / 2 for item in (reconstructions, images))
    found = structural_similarity_index_measure(made, wanted, data_range=1.0, reduction="none")
    assert isinstance(found, Tensor)
    return found.reshape(-1)


def load_lpips(device: torch.device, *, download: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """Loads LPIPS with AlexNet (Zhang et al. 2018, arXiv:1801.03924).

    Args:
        device: The device of the network.
        download: Whether to download the network's weights if they are missing.

    Returns:
        A function from reconstructions and images, both (N, C, H, W) in [-1, 1] and at least 32 pixels high and wide,
        to the distance of each pair, (N,). The network sees grey images as RGB.

    Raises:
        MissingExtraError: torchmetrics is not installed.
        DataError: The weights are missing, and `download` is False or the download fails; or they cannot be read.
    """
    try:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
    except ImportError as error:
        raise MissingExtraError(f"LPIPS needs torchmetrics ({error}); {_EXTRA}") from None
    path = Path(torch.hub.get_dir()) / "checkpoints" / _ALEXNET
    if not path.is_file() and not download:
        raise DataError(f"AlexNet's weights (233 MB) are not in {str(path)!r} yet; --scores lpips downloads them")
    try:
        # Hides torch.hub's output about the download.
        with torch.random.fork_rng(devices=[]), redirect_stderr(io.StringIO()):
            metric = LearnedPerceptualImagePatchSimilarity(net_type="alex").to(device)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"AlexNet's weights cannot be downloaded or read ({reason}); put torchvision's {_ALEXNET} into "
            f"{str(path.parent)!r}"
        ) from None

    def distance(reconstructions: Tensor, images: Tensor) -> Tensor:
        pair = [item.float().clamp(-1, 1).to(device).expand(-1, 3, -1, -1) for item in (reconstructions, images)]
        with torch.no_grad():
            return torch.stack([metric(*(item[i : i + 1] for item in pair)) for i in range(len(images))])

    return distance
