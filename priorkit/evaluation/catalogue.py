"""The catalogue of scores, and their names."""

from collections.abc import Iterable
from dataclasses import dataclass

from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest

__all__ = ["CATALOGUE", "GROUPS", "Listed", "choose_scores", "listed"]


@dataclass(frozen=True)
class Listed:
    """A score in the catalogue.

    Attributes:
        name: The name that users type.
        label: Its label in output, after the extractor's name if it has one.
        group: Its group: `samples`, `text`, `reconstruction`, `codes`, `clustering` or `likelihood`.
        published: Its label, without the extractor's name, if computed by the published network and weights.

    Examples:
        >>> from priorkit.evaluation import CATALOGUE
        >>> [item.name for item in CATALOGUE if item.group == "clustering"]
        ['clustering-accuracy', 'mutual-information', 'rand-index']
    """

    name: str
    label: str
    group: str
    published: str = ""


CATALOGUE = (
    Listed("inception-score", "IS", "samples", "IS"),
    Listed("frechet-distance", "Fréchet distance", "samples", "FID"),
    Listed("kernel-distance", "kernel distance", "samples", "KID"),
    Listed("precision", "precision", "samples"),
    Listed("recall", "recall", "samples"),
    Listed("density", "density", "samples"),
    Listed("coverage", "coverage", "samples"),
    Listed("label-agreement", "label agreement", "samples"),
    Listed("r-precision", "R-precision", "text"),
    Listed("clip-score", "CLIPScore", "text", "CLIPScore"),
    Listed("caption-kernel-distance", "kernel distance by caption", "text"),
    Listed("colour-agreement", "colour agreement", "text"),
    Listed("reconstruction-error", "reconstruction error (MSE)", "reconstruction"),
    Listed("psnr", "PSNR (dB)", "reconstruction"),
    Listed("ssim", "SSIM", "reconstruction"),
    Listed("lpips", "LPIPS (AlexNet)", "reconstruction"),
    Listed(
        "reconstruction-distance", "Fréchet distance of reconstructions", "reconstruction", "FID of reconstructions"
    ),
    Listed("code-discrepancy", "codes and prior: MMD²", "codes"),
    Listed("code-two-sample", "codes and prior: classifier accuracy", "codes"),
    Listed("code-log-likelihood", "codes: log-density under the prior (nats)", "codes"),
    Listed("codebook-use", "codebook: share of entries in use", "codes"),
    Listed("codebook-perplexity", "codebook: perplexity", "codes"),
    Listed("clustering-accuracy", "clustering accuracy", "clustering"),
    Listed("mutual-information", "clustering NMI", "clustering"),
    Listed("rand-index", "clustering ARI", "clustering"),
    Listed("elbo", "ELBO (nats)", "likelihood"),
    Listed("importance-weighted-bound", "importance-weighted bound (nats)", "likelihood"),
    Listed("active-units", "active units", "likelihood"),
    Listed("elbo-reconstruction", "ELBO: reconstruction (nats)", "likelihood"),
    Listed("elbo-mutual-information", "ELBO: mutual information (nats)", "likelihood"),
    Listed("elbo-marginal-divergence", "ELBO: KL(q(z) || p(z)) (nats)", "likelihood"),
)
"""Every score, in the order of output."""

GROUPS = tuple(dict.fromkeys(item.group for item in CATALOGUE))
"""The groups of scores; a group's name selects all its scores."""


def listed(name: str) -> Listed:
    """Returns the catalogue's entry of a score.

    Raises:
        KeyError: There is no such score.
    """
    return {item.name: item for item in CATALOGUE}[name]


def choose_scores(asked: Iterable[str] = ()) -> tuple[str, ...]:
    """Expands names of scores and groups to names of scores, in the catalogue's order.

    Args:
        asked: Names of scores or groups; empty for all scores.

    Raises:
        ConfigurationError: There is no such score or group.

    Examples:
        >>> from priorkit.evaluation import choose_scores
        >>> choose_scores(["clustering", "psnr"])
        ('psnr', 'clustering-accuracy', 'mutual-information', 'rand-index')
    """
    wanted = {name.strip() for name in asked if name.strip()}
    known = [*(item.name for item in CATALOGUE), *GROUPS]
    for name in sorted(wanted):
        if name not in known:
            raise ConfigurationError(
                f"unknown score {name!r}{nearest(name, known)} Groups: {', '.join(GROUPS)}. Scores: "
                f"{', '.join(item.name for item in CATALOGUE)}."
            )
    return tuple(item.name for item in CATALOGUE if not wanted or wanted & {item.name, item.group})
