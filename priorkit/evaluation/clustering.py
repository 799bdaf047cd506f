"""How well clusters found without labels agree with the labels."""

import torch
from torch import Tensor

__all__ = ["adjusted_rand_index", "clustering_accuracy", "normalised_mutual_information"]


def clustering_accuracy(clusters: Tensor, labels: Tensor) -> float:
    """The share of images whose cluster is matched to their label, under the best one-to-one match of both.

    The match is found by the Hungarian method (Kuhn 1955). If there are more clusters than labels, images in
    unmatched clusters count as wrong.

    Args:
        clusters: int64, shape (N,), from 0.
        labels: int64, shape (N,), from 0.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import clustering_accuracy
        >>> clustering_accuracy(clusters=torch.tensor([1, 1, 0, 0]), labels=torch.tensor([0, 0, 1, 0]))
        0.75
    """
    from scipy.optimize import linear_sum_assignment

    columns = int(labels.max()) + 1
    rows = int(clusters.max()) + 1
    counts = torch.bincount(clusters * columns + labels, minlength=rows * columns).reshape(rows, columns)
    chosen = linear_sum_assignment(counts.numpy(), maximize=True)
    return float(counts.numpy()[chosen].sum() / len(labels))


def normalised_mutual_information(clusters: Tensor, labels: Tensor) -> float:
    """Mutual information of clusters and labels divided by the mean of their entropies: 0 if independent, 1 if equal.

    Args:
        clusters: int64, shape (N,).
        labels: int64, shape (N,).

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import normalised_mutual_information
        >>> labels = torch.tensor([0, 0, 1, 1])
        >>> round(normalised_mutual_information(1 - labels, labels), 6)
        1.0
        >>> round(normalised_mutual_information(torch.tensor([0, 1, 0, 1]), labels), 6)
        0.0
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(labels.numpy(), clusters.numpy()))


def adjusted_rand_index(clusters: Tensor, labels: Tensor) -> float:
    """Agreement on pairs of images, corrected for chance (Hubert and Arabie 1985): around 0 if random, 1 if equal.

    Args:
        clusters: int64, shape (N,).
        labels: int64, shape (N,).

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import adjusted_rand_index
        >>> labels = torch.tensor([0, 0, 1, 1])
        >>> adjusted_rand_index(1 - labels, labels)
        1.0
        >>> adjusted_rand_index(torch.tensor([0, 1, 0, 1]), labels)
        -0.5
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(labels.numpy(), clusters.numpy()))
