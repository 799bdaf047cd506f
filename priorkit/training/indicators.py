"""Indicators of collapse, which approach 0: of samples, of codes and of weights."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from priorkit.engine import seed_for
from priorkit.models.model import Model

__all__ = ["WeightChanges", "code_indicators", "sample_indicators"]

_VARIES = 0.01
"""A dimension carries information if the variance of the posteriors' means is above this share of the posteriors' own
variance (Burda et al. 2016, arXiv:1509.00519, Section 5.2, where the prior's scale is 1), and its deviation above this
share of the largest dimension's."""


def sample_indicators(samples: Tensor, images: Tensor) -> dict[str, float]:
    """The variety of samples, relative to that of held-out images.

    Args:
        samples: Shape (N, C, H, W).
        images: Held-out images, shape (M, C, H, W). Equal numbers of both are compared.

    Returns:
        `sample_spread`, the mean distance of two samples as a share of that of two images, and `sample_neighbours`, the
        same for the median distance to the nearest neighbour: near 0, samples are all alike, or copies of a few. Both
        are left out if the images do not differ.
    """
    n = min(len(samples), len(images))
    if n < 2:
        return {}
    spreads, neighbours = zip(*(_distances(each[:n]) for each in (samples, images)), strict=True)
    shares = {"sample_spread": spreads, "sample_neighbours": neighbours}
    return {name: ours / theirs for name, (ours, theirs) in shares.items() if theirs > 0}


def _distances(images: Tensor) -> tuple[float, float]:
    """The mean distance of two images, and the median distance of one to its nearest neighbour."""
    flat = images.float().flatten(1)
    # Exact: by matrix products, distances of near copies are noise.
    distances = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    n = len(flat)
    mean = distances.sum() / (n * (n - 1))
    nearest = distances.fill_diagonal_(torch.inf).amin(1).median()
    return float(mean), float(nearest)


def code_indicators(model: Model, images: Tensor, *, seed: int) -> dict[str, float]:
    """The number of dimensions that the codes of held-out images use.

    Args:
        model: A model with an encoder.
        images: Held-out images, shape (N, C, H, W) in [-1, 1]; at least 2, or the result is empty.
        seed: Seed of the draws from the posteriors.

    Returns:
        For vectors and maps: `code_informed`, the share of dimensions that carry information about the image, 0 to 1;
        and, where any does, `code_dimensions`, the effective number of dimensions of the posteriors' means, from 1 on:
        the participation ratio of their variances along the principal axes. For indices, `code_entries`, the perplexity
        of the codebook's entries, from 1 on.
    """
    assert model.encoder is not None, "codes come from an encoder"
    if len(images) < 2:
        return {}
    generator = torch.Generator().manual_seed(seed_for(seed, "indicators"))
    noise = torch.randn(len(images), model.encoder.code_dim, generator=generator).to(model.device)
    with model.ready():
        posterior = model.encoder(images, noise if model.encoder.stochastic else None)
    if posterior.indices is not None:
        shares = posterior.indices.flatten().cpu().unique(return_counts=True)[1].double()
        shares = shares / shares.sum()
        return {"code_entries": float((-(shares * shares.log()).sum()).exp())}
    # On the CPU, because some devices have no float64.
    means, draws = (each.flatten(1).cpu().double() for each in (posterior.mean, posterior.code))
    deviations = means.std(0)
    informed = (deviations > _VARIES * deviations.max()) & (
        deviations.square() > _VARIES * (draws - means).square().mean(0)
    )
    found = {"code_informed": float(informed.double().mean())}
    if bool(informed.any()):
        # The sum and the sum of squares of the variances along the axes are traces.
        centred = means - means.mean(0)
        gram = centred @ centred.T if len(means) < means.shape[1] else centred.T @ centred
        found["code_dimensions"] = float(gram.trace().square() / gram.square().sum())
    return found


class WeightChanges:
    """Measures the share of a network's weights that training has changed between calls.

    It stores two sums of each tensor instead of a copy, so a change that preserves both sums goes unnoticed.

    Args:
        networks: The trained networks, by name.
    """

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self._weights = {
            name: [weight for weight in network.parameters() if weight.requires_grad]
            for name, network in networks.items()
        }
        self._sums: dict[str, list[list[float]]] = {}

    def look(self, names: Iterable[str]) -> dict[str, float]:
        """Compares some networks with the previous call. Waits for the device.

        Returns:
            For each network seen before, the share of its weights in tensors that have changed since, 0 to 1.
        """
        changed: dict[str, float] = {}
        for name in names:
            weights = self._weights[name]
            if not weights:
                continue
            parts = [part for weight in weights for part in (weight.detach().sum(), weight.detach().norm())]
            sums = torch.stack([part.float() for part in parts]).reshape(-1, 2).tolist()
            if name in self._sums:
                sizes = [weight.numel() for weight in weights]
                pairs = zip(sizes, self._sums[name], sums, strict=True)
                changed[name] = sum(size for size, before, now in pairs if before != now) / sum(sizes)
            self._sums[name] = sums
        return changed
