"""The points of a map of codes: codes of held-out images and of the prior, with two-dimensional places and pictures."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from priorkit.data import to_float, to_uint8
from priorkit.errors import RunFolderError
from priorkit.interfaces import CodeKind, ImageData
from priorkit.runs import Run

__all__ = ["CodePoints", "PrincipalPlane", "code_points"]

_THUMBNAIL = 32
"""Maximal side of a small picture in pixels."""
_MOST_NUMBERS = 400_000
"""Maximal total of numbers in the codes of a page: of large codes, a page shows fewer."""
_FEWEST = 40
"""Minimal number of codes of each kind, however large they are."""


@dataclass(frozen=True)
class PrincipalPlane:
    """The plane in which codes vary most.

    Attributes:
        mean: The plane's origin, float32 (D,).
        axes: The plane's two directions, float32 (2, D).
    """

    mean: Tensor
    axes: Tensor

    def places(self, vectors: Tensor) -> Tensor:
        """Returns the places of codes in the plane: float32 (N, 2)."""
        return (vectors - self.mean) @ self.axes.T


@dataclass(frozen=True)
class CodePoints:
    """Codes on a map, those of held-out images first.

    Attributes:
        codes: float32 (N, code_dim), or int64 where codes are indices.
        from_prior: Whether each is the prior's, bool (N,).
        classes: Label of the image, or class that conditioned the code, int64 (N,); -1 without a class.
        plane: The principal plane; None if codes are indices, which have no coordinates.
        places: Places by the layout's name, `principal axes` and `t-SNE`, float32 (N, 2).
        thumbnails: uint8 (N, C, h, w): the held-out images, and the images decoded from the prior's codes.
    """

    codes: Tensor
    from_prior: Tensor
    classes: Tensor
    plane: PrincipalPlane | None
    places: dict[str, Tensor]
    thumbnails: Tensor


def code_points(run: Run, data: ImageData | None, n: int, seed: int) -> CodePoints:
    """Draws codes of the prior, and encodes held-out images.

    Args:
        run: The run.
        data: The run's data; None for no held-out images. A run without an encoder has none in any case.
        n: Maximal number of codes of each kind; fewer if codes are large.
        seed: Seed of the prior's codes and of t-SNE.

    Raises:
        RunFolderError: Codes are not finite numbers.
    """
    model = run.model
    n = max(min(_FEWEST, n), min(n, _MOST_NUMBERS // (2 * model.code_space.dim)))
    condition = model.conditions(n, seed) if model.condition is not None else None
    drawn = model.codes(n, seed, condition).cpu()
    conditioned = condition is not None and model.classes and model.prior.takes_condition
    classes = condition[:, : model.classes].argmax(1).cpu() if conditioned and condition is not None else _none(n)
    images = to_uint8(model.decode(drawn, from_prior=True)).cpu()
    sets = [(drawn, torch.ones(n, dtype=torch.bool), classes, _small(images))]
    if data is not None and model.encoder is not None and len(data.test):
        shown = data.test.spread_indices(min(n, len(data.test)))
        held_out = run.as_trained_on(data.test.take(shown))
        labels = data.test.labels[shown] if data.test.labels is not None else _none(len(shown))
        encoded = model.encode(to_float(held_out)).cpu()
        sets.insert(0, (encoded, torch.zeros(len(shown), dtype=torch.bool), labels, _small(held_out)))
    codes, from_prior, found_classes, thumbnails = (torch.cat(parts) for parts in zip(*sets, strict=True))
    vectors = model.vectors(codes).cpu().flatten(1)
    if not bool(vectors.isfinite().all()):
        raise RunFolderError(
            f"the codes of {str(run.path)!r} ({run.checkpoint}) are not finite numbers; "
            "try --checkpoint best, or train the run again"
        )
    plane = principal_plane(vectors)
    places = {"principal axes": plane.places(vectors), "t-SNE": _neighbour_places(vectors, seed)}
    known = None if model.code_space.kind is CodeKind.INDICES else plane
    return CodePoints(codes, from_prior, found_classes, known, places, thumbnails)


def _none(n: int) -> Tensor:
    return torch.full((n,), -1, dtype=torch.int64)


def _small(images: Tensor) -> Tensor:
    """Shrinks uint8 images to at most 32 pixels a side."""
    side = images.shape[-1]
    if side <= _THUMBNAIL:
        return images
    smaller = interpolate(images.float(), size=(_THUMBNAIL, _THUMBNAIL), mode="area")
    return smaller.round().clamp(0, 255).to(torch.uint8)


def principal_plane(vectors: Tensor) -> PrincipalPlane:
    """Returns the plane of the two principal axes of vectors (N, D); if D is 1, the second axis is 0."""
    mean = vectors.mean(0)
    directions = torch.linalg.svd((vectors - mean).double(), full_matrices=False).Vh[:2].float()
    missing = 2 - len(directions)
    axes = torch.cat([directions, directions.new_zeros(missing, vectors.shape[1])]) if missing else directions
    # The sign of an axis is arbitrary; a fixed rule makes it reproducible.
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return PrincipalPlane(mean, axes * torch.where(largest < 0, -1.0, 1.0))


def _neighbour_places(vectors: Tensor, seed: int) -> Tensor:
    """Returns places by t-SNE, which keeps neighbours together (van der Maaten and Hinton 2008)."""
    from sklearn.manifold import TSNE

    codes = vectors.numpy()
    start = "pca" if codes.shape[1] > 1 and np.ptp(codes, axis=0).any() else "random"
    method = TSNE(perplexity=min(30.0, (len(codes) - 1) / 3), init=start, random_state=seed % 2**32)
    with warnings.catch_warnings():
        # All codes are equal.
        warnings.simplefilter("ignore", RuntimeWarning)
        return torch.from_numpy(method.fit_transform(codes))
