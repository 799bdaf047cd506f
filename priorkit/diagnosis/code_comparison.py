"""Measures how a prior's codes differ from the encoder's."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.evaluation import code_discrepancy, two_sample_accuracy

__all__ = ["FEWEST_CODES", "CodeComparison", "compare_codes"]

FEWEST_CODES = 20
"""Minimal number of codes of each kind: with fewer, quantiles are meaningless."""
_FAR = 0.95
"""Quantile of distances above which a code counts as far from others; below 1 minus this quantile, as too near."""
_ROWS = 1000
"""Rows of a matrix of distances computed at a time."""


@dataclass(frozen=True, eq=False)
class CodeComparison:
    """The comparison of a prior's codes with held-out codes, with training codes as the reference.

    Attributes:
        told_apart: Accuracy of a classifier between the prior's codes and held-out ones (`code-two-sample`); 0.5 is
            chance.
        told_apart_error: Its standard error if both distributions are equal.
        told_apart_aligned: The same after transforming the prior's codes to the training codes' mean and covariance.
        discrepancy: MMD² of both (`code-discrepancy`), around 0 if both distributions are equal.
        offset: Mean of the prior's codes minus that of the training codes, in units of their deviations, for each
            dimension that varies.
        ratio: Deviation of the prior's codes divided by that of the training codes, for the same dimensions.
        spectrum: Variances of the training codes along their principal axes, from the largest on, (code_dim,).
        prior_spectrum: Variances of the prior's codes along their own principal axes.
        correlation: Root mean square of the differences of the correlations of pairs of dimensions, 0 to 2, corrected
            for chance.
        holes: Share of the prior's mass far from all training codes: farther from the nearest than 95 % of the held-out
            codes, minus the 5 % expected by chance.
        missed: Share of held-out codes far from all of the prior's codes, by the same measure.
        copied: Share of the prior's mass nearer to a training code than 95 % of the held-out codes, minus the 5 %
            expected by chance: repeated training codes.
        share_error: Standard error of these three shares if both distributions are equal.
        still: Number of dimensions in which codes hardly vary (deviation below 1 % of the largest).
        distances: Distances of the prior's codes to their nearest training codes, (N,).
        held_out_distances: The same for the held-out codes.
        nearest: Indices of the prior's codes' nearest training codes, int64 (N,).

    Examples:
        >>> import torch
        >>> from priorkit.diagnosis import compare_codes
        >>> codes, prior_codes = torch.randn(2, 200, 4, generator=torch.Generator().manual_seed(0))
        >>> found = compare_codes(prior_codes + 2, held_out=codes[:100], training=codes[100:])
        >>> found.offset.shape, round(found.shift), found.told_apart > 0.9
        (torch.Size([4]), 2, True)
    """

    told_apart: float
    told_apart_error: float
    told_apart_aligned: float
    discrepancy: float
    offset: Tensor
    ratio: Tensor
    spectrum: Tensor
    prior_spectrum: Tensor
    correlation: float
    holes: float
    missed: float
    copied: float
    share_error: float
    still: int
    distances: Tensor
    held_out_distances: Tensor
    nearest: Tensor

    @property
    def shift(self) -> float:
        """Root mean square of `offset` over the dimensions that vary."""
        return float(self.offset.square().mean().sqrt())

    @property
    def scale(self) -> float:
        """Geometric mean of `ratio`: above 1 if the prior is wider than the codes."""
        return float(self.ratio.log().mean().exp())

    @property
    def scale_error(self) -> float:
        """Root mean square of the logarithms of `ratio`: 0 if all deviations agree."""
        return float(self.ratio.log().square().mean().sqrt())

    @property
    def measures(self) -> list[tuple[str, str, str]]:
        """Rows of a printed table: each measure, its value, and the value if both distributions are equal."""
        return [
            ("told apart by a classifier", f"{self.told_apart:.3f}", f"0.5 ± {self.told_apart_error:.3f}"),
            ("... once mean and covariance are the codes'", f"{self.told_apart_aligned:.3f}", "0.5"),
            ("MMD²", f"{self.discrepancy:.4f}", "about 0"),
            ("means apart, in deviations (root mean square)", f"{self.shift:.3f}", "about 0"),
            ("deviations, the prior's by the codes'", f"{self.scale:.3f}", "1"),
            ("correlations apart (root mean square)", f"{self.correlation:.3f}", "0"),
            ("prior's mass that no code is near (holes)", f"{self.holes:.1%}", "0 %"),
            ("codes that the prior misses", f"{self.missed:.1%}", "0 %"),
            ("prior's mass that repeats training codes", f"{self.copied:.1%}", "0 %"),
        ]

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON: everything except the distances and neighbours of single codes."""
        values = {key: value for key, value in asdict(self).items() if not key.endswith(("distances", "nearest"))}
        plain = {key: value.tolist() if isinstance(value, Tensor) else value for key, value in values.items()}
        return {**plain, "shift": self.shift, "scale": self.scale, "scale_error": self.scale_error}


def compare_codes(prior_codes: Tensor, held_out: Tensor, training: Tensor, *, seed: int = 0) -> CodeComparison:
    """Compares a prior's codes with the encoder's.

    Distances are Euclidean, in units of the training codes' deviations.

    Args:
        prior_codes: Draws from the prior, (N, D).
        held_out: Draws from the posteriors of held-out images, (M, D).
        training: Draws from the posteriors of training images, (K, D), which define nearness to the codes.
        seed: Seed of the classifiers and their test sets.

    Raises:
        ConfigurationError: There are fewer than 20 codes of one kind, their dimensions differ, or some are not finite.

    Examples:
        >>> import torch
        >>> from priorkit.diagnosis import compare_codes
        >>> codes, prior_codes = torch.randn(2, 200, 4, generator=torch.Generator().manual_seed(0))
        >>> found = compare_codes(3 * prior_codes, held_out=codes[:100], training=codes[100:])
        >>> round(found.scale), found.holes > 0.5
        (3, True)
    """
    prior_codes, held_out, training = (
        _checked(name, codes)
        for name, codes in (("prior", prior_codes), ("held-out", held_out), ("training", training))
    )
    if not prior_codes.shape[1] == held_out.shape[1] == training.shape[1]:
        raise ConfigurationError(
            "codes to compare must have the same dimensions, not "
            f"{prior_codes.shape[1]} (the prior's), {held_out.shape[1]} (held-out) and {training.shape[1]} (training); "
            "give three sets of codes of one autoencoder"
        )
    # Of the training codes, because they are the most numerous, and have the same moments as held-out codes.
    deviation = training.std(0)
    moves = deviation > 0.01 * deviation.max()
    if not bool(moves.any()):
        raise ConfigurationError(
            "all codes are the same, so no prior can be compared with them; train the autoencoder longer, or give "
            "the codes of another autoencoder"
        )
    unit = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
    prior_scaled, held_out_scaled, training_scaled = prior_codes / unit, held_out / unit, training / unit
    told_apart, error = two_sample_accuracy(held_out, prior_codes, seed=seed)
    aligned, _ = two_sample_accuracy(held_out, _aligned(prior_codes, training), seed=seed)
    distances, nearest = _nearest(prior_scaled, training_scaled)
    usual, _ = _nearest(held_out_scaled, training_scaled)
    # Two halves of the prior's codes: the second to measure distances to, the first for the usual distances.
    ours, others = prior_scaled.tensor_split(2)
    return CodeComparison(
        told_apart=told_apart,
        told_apart_error=error,
        told_apart_aligned=aligned,
        discrepancy=code_discrepancy(held_out, prior_codes),
        offset=((prior_codes.mean(0) - training.mean(0)) / unit)[moves],
        ratio=(prior_codes.std(0).clamp(min=1e-12) / unit)[moves],
        spectrum=_spectrum(training),
        prior_spectrum=_spectrum(prior_codes),
        correlation=_correlation(prior_codes[:, moves], training[:, moves]),
        holes=_beyond(distances, usual),
        missed=_beyond(_nearest(held_out_scaled, others)[0], _nearest(ours, others)[0]),
        copied=_beyond(-distances, -usual),
        share_error=math.sqrt(_FAR * (1 - _FAR) * (1 / len(prior_codes) + 1 / len(held_out))),
        still=int((~moves).sum()),
        distances=distances,
        held_out_distances=usual,
        nearest=nearest,
    )


def _checked(name: str, codes: Tensor) -> Tensor:
    codes = codes.detach().flatten(1).cpu().double()
    if len(codes) < FEWEST_CODES:
        raise ConfigurationError(f"{len(codes)} {name} codes are too few to compare; give at least {FEWEST_CODES}")
    broken = int((~codes.isfinite()).any(1).sum())
    if broken:
        raise ConfigurationError(
            f"{broken} of {len(codes)} {name} codes are infinite or not a number; leave them out, or "
            "train the model anew with a lower --learning-rate"
        )
    return codes


def _nearest(codes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """The distance of each code to the nearest of other codes, and the index of that code."""
    found = [torch.cdist(part, others).min(1) for part in torch.split(codes, _ROWS)]
    return torch.cat([part.values for part in found]), torch.cat([part.indices for part in found])


def _beyond(values: Tensor, usual: Tensor) -> float:
    """The share of values beyond nearly all usual ones, minus the share expected by chance: 0 to 1."""
    chance = 1 - _FAR
    share = float((values > usual.quantile(_FAR)).double().mean())
    return max(0.0, (share - chance) / _FAR)


def _spectrum(codes: Tensor) -> Tensor:
    variances: Tensor = torch.linalg.eigvalsh(_covariance(codes))
    return variances.flip(0).clamp(min=0)


def _covariance(codes: Tensor) -> Tensor:
    # Of a single dimension, torch.cov returns a scalar.
    return torch.cov(codes.T).reshape(codes.shape[1], codes.shape[1])


def _correlation(first: Tensor, second: Tensor) -> float:
    """Root mean square difference of correlations, corrected for the chance differences of independent dimensions."""
    if first.shape[1] < 2:
        return 0.0
    both = [torch.nan_to_num(torch.corrcoef(codes.T)) for codes in (first, second)]
    pairs = torch.triu_indices(first.shape[1], first.shape[1], 1)
    square = float((both[0] - both[1])[pairs[0], pairs[1]].square().mean())
    return math.sqrt(max(0.0, square - 1 / len(first) - 1 / len(second)))


def _aligned(codes: Tensor, target: Tensor) -> Tensor:
    """Transforms codes to the mean and covariance of a target: whitened, then coloured."""
    values, vectors = torch.linalg.eigh(_covariance(codes))
    # Axes along which the prior hardly varies cannot be rescaled.
    usable = values > 1e-9 * values.max()
    inverse = torch.where(usable, values, torch.ones_like(values)).rsqrt() * usable
    wanted, axes = torch.linalg.eigh(_covariance(target))
    colour = (axes * wanted.clamp(min=0).sqrt()) @ axes.T
    aligned: Tensor = (codes - codes.mean(0)) @ ((vectors * inverse) @ vectors.T) @ colour + target.mean(0)
    return aligned
