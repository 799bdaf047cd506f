"""Maps as vectors, one at each place (position), for quantisation."""

from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace

__all__ = ["as_maps", "as_vectors", "require_maps", "straight_through"]


def require_maps(codes: CodeSpace) -> tuple[int, int, int]:
    """Channels, height and width of codes that are maps.

    Raises:
        ValueError: Codes are not maps.
    """
    if codes.kind is not CodeKind.MAP:
        raise ValueError("quantises maps, but codes are vectors; give the height and width of maps: --code-size 8")
    channels, height, width = codes.shape
    return channels, height, width


def as_vectors(maps: Tensor, channels: int) -> Tensor:
    """The vectors (N, places, channels) of flattened maps (N, channels * places)."""
    return maps.view(len(maps), channels, maps.shape[1] // channels).mT


def as_maps(vectors: Tensor) -> Tensor:
    """The flattened maps (N, channels * places) of vectors (N, places, channels)."""
    return vectors.mT.flatten(1)


def straight_through(value: Tensor, quantised: Tensor) -> Tensor:
    """`quantised`, with the gradient of `value`: straight-through (Bengio et al. 2013, arXiv:1308.3432)."""
    return value + (quantised - value).detach()
