"""Networks whose layers have spectral norm 1."""

from typing import TypeVar

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["with_spectral_norm"]

NetworkT = TypeVar("NetworkT", bound=nn.Module)


def with_spectral_norm(network: NetworkT) -> NetworkT:
    """Divides the weights of every linear and convolutional layer by their largest singular value.

    The singular value of a convolution is that of its kernel as a matrix of outputs by all other entries. A pass in
    training mode refines the estimate by one power iteration (Miyato et al. 2018, arXiv:1802.05957, Section 2.1 and
    Algorithm 1); passes in evaluation mode leave it unchanged. Batch norm after such a layer would cancel the effect,
    since it divides by the scale of its input.

    Args:
        network: Changed in place; its weights are initialised already.

    Returns:
        The network.

    Examples:
        >>> import torch
        >>> from priorkit_plugins.spectral_norm import with_spectral_norm
        >>> layer = with_spectral_norm(torch.nn.Linear(3, 2))
        >>> bool(torch.linalg.matrix_norm(layer.weight, 2) < 1.01)
        True
    """
    for layer in list(network.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            spectral_norm(layer)
    return network
