"""A classifier as a two-sample test."""

import warnings

import torch
from torch import Tensor

__all__ = ["two_sample_accuracy"]

_MOST = 5000
"""Maximal number of samples of each set: more would change the accuracy by less than its spread."""


def two_sample_accuracy(first: Tensor, second: Tensor, *, seed: int = 0) -> tuple[float, float]:
    """The accuracy with which a small network tells two sets apart on held-out samples.

    0.5 is chance; 1 means that the sets do not overlap (Lopez-Paz and Oquab 2017, Revisiting classifier two-sample
    tests, arXiv:1610.06545: one hidden layer of 20 rectified units). Equally many samples of both sets, at most 5,000
    of each, are split at random into a training half and a held-out half, and standardised by the training half.

    Args:
        first: Shape (N, D), N at least 4.
        second: Shape (M, D), M at least 4.
        seed: Seed of the split and of the network.

    Returns:
        The accuracy on the held-out half, and its standard error if both distributions are equal.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import two_sample_accuracy
        >>> codes, prior_codes = torch.randn(2, 200, 2, generator=torch.Generator().manual_seed(0))
        >>> accuracy, error = two_sample_accuracy(codes, prior_codes + 3)
        >>> accuracy > 0.9, round(error, 3)
        (True, 0.035)
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    n = min(len(first), len(second), _MOST)
    generator = torch.Generator().manual_seed(seed)
    halves = []
    for label, samples in enumerate((first, second)):
        chosen = samples[torch.randperm(len(samples), generator=generator)[:n]].double()
        halves.append([(part, torch.full((len(part),), label)) for part in chosen.tensor_split(2)])
    (x, wanted), (held_out, truth) = (
        tuple(torch.cat(parts) for parts in zip(*half, strict=True)) for half in zip(*halves, strict=True)
    )
    mean, deviation = x.mean(0), x.std(0)
    # A dimension that does not vary in the training half is only centred.
    scale = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    x, held_out = (x - mean) / scale, (held_out - mean) / scale
    network = MLPClassifier((20,), learning_rate_init=0.01, max_iter=100, random_state=seed % 2**32)
    with warnings.catch_warnings():
        # The test is defined by a hundred passes; the network need not converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(x.numpy(), wanted.numpy())
    accuracy = float(network.score(held_out.numpy(), truth.numpy()))
    return accuracy, 0.5 / len(held_out) ** 0.5
