"""Expectation-maximisation of mixtures of Gaussians, by scikit-learn."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

__all__ = ["FittedComponents", "fit_mixture"]


class FittedComponents(NamedTuple):
    """The mixture found by EM, float64 on the CPU.

    Attributes:
        weights: Shape (K,), above 0, adding up to 1.
        means: Shape (K, code_dim).
        scales: Cholesky factors of the covariances (K, code_dim, code_dim), or standard deviations (K, code_dim).
    """

    weights: Tensor
    means: Tensor
    scales: Tensor


def fit_mixture(
    code: Tensor, count: int, *, whose: str, full: bool, ridge: float, iterations: int, seed: int
) -> FittedComponents:
    """Fits a mixture to codes by EM, initialised with k-means.

    Args:
        code: Shape (M, code_dim), on any device.
        count: K, the number of components.
        whose: The class of the codes, for messages; or empty.
        full: Whether components have covariances between dimensions.
        ridge: Added to every variance, as a share of the codes' mean variance.
        iterations: Maximal number of iterations of EM.
        seed: Seed of the initialisation of k-means.

    Raises:
        ValueError: There are fewer codes than components, or a component's covariance is singular.
    """
    least = max(count, 2)
    if len(code) < least:
        raise ValueError(
            f"{count} components need at least {least} codes{whose}, and there are {len(code)}; use fewer "
            "--prior.components, or more codes"
        )
    codes = code.cpu()
    settings = {
        "n_components": count,
        "covariance_type": "full" if full else "diag",
        "reg_covar": ridge * float(codes.var(0, correction=0).mean()),
        "max_iter": iterations,
        "random_state": seed,
    }
    try:
        # Single precision takes half the time, and is good enough unless a covariance is nearly singular.
        mixture = _fitted(codes.float(), settings)
    except ValueError:
        try:
            mixture = _fitted(codes.double(), settings)
        except ValueError as error:
            raise ValueError(
                f"a component's covariance of {code.shape[1]} dimensions is singular, fitted to {len(code)} "
                f"codes{whose}; use a larger --prior.ridge than {ridge:g}, fewer --prior.components, or "
                "--prior.covariance diagonal"
            ) from error
    covariances = torch.from_numpy(mixture.covariances_).double()
    return FittedComponents(
        torch.from_numpy(mixture.weights_).double(),
        torch.from_numpy(mixture.means_).double(),
        torch.linalg.cholesky(covariances) if full else covariances.sqrt(),
    )


def _fitted(codes: Tensor, settings: Mapping[str, Any]) -> Any:
    """scikit-learn's fitted mixture; raises a ValueError if a covariance is singular."""
    with warnings.catch_warnings():
        # Warnings are ignored: every iteration increases the likelihood, so an unconverged mixture is valid; and
        # k-means warns if there are fewer distinct codes than components.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(**settings).fit(codes.numpy())
