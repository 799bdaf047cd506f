"""The trained weights of VGG-16."""

import contextlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError

__all__ = ["read_weights"]


def read_weights(path: Path | None) -> Mapping[str, Tensor]:
    """The weights of torchvision's VGG-16, trained on ImageNet, by the names that they have there.

    Args:
        path: A file of torchvision's, such as vgg16-397923af.pth; None to use the cached file, or to download it.

    Raises:
        ConfigurationError: The weights cannot be read or downloaded.
    """
    if path is not None:
        return _read(path)
    from torchvision.models import VGG16_Weights

    try:
        # torch.hub prints its progress.
        with contextlib.redirect_stdout(io.StringIO()):
            downloaded: Mapping[str, Tensor] = VGG16_Weights.IMAGENET1K_V1.get_state_dict(
                progress=False, check_hash=True
            )
    except (OSError, RuntimeError) as error:
        url = VGG16_Weights.IMAGENET1K_V1.url
        raise ConfigurationError(
            f"--loss vgg: the weights of VGG-16 cannot be downloaded from {url} ({error}); "
            "fetch that file elsewhere, and name it with --loss.weights"
        ) from error
    return downloaded


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ConfigurationError(f"--loss.weights: there is no file {str(path)!r}") from error
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigurationError(
            f"--loss.weights: {str(path)!r} cannot be read ({reason}); it must be torchvision's file of VGG-16 weights"
        ) from error
    if not isinstance(tensors, Mapping) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ConfigurationError(f"--loss.weights: {str(path)!r} holds no weights, but a {type(tensors).__name__}")
    return tensors
