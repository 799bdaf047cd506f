"""The scores that there are, and how they are asked for."""

from collections.abc import Iterable
from dataclasses import dataclass

from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest

__all__ = ["CATALOGUE", "GROUPS", "Listed", "choose_scores", "listed"]


@dataclass(frozen=True)
class Listed:
    """A score that can be asked for.

    Attributes:
        name: What users type.
        label: What it is called in print, after the extractor's name if it has one.
        group: What it is about: `samples`, `text`, `reconstruction`, `codes`, `clustering` or
            `likelihood`.
        published: What it is called, without the extractor's name, by the published network and weights alone.
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
"""Every score, in the order in which they are printed."""

GROUPS = tuple(dict.fromkeys(item.group for item in CATALOGUE))
"""The groups of scores, each of which is a name for all that are in it."""


def listed(name: str) -> Listed:
    """The score of that name.

    Raises:
        KeyError: There is none.
    """
    return {item.name: item for item in CATALOGUE}[name]


def choose_scores(asked: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of scores, in the catalogue's order, from names of scores and groups; all of them if none are asked.

    Raises:
        ConfigurationError: There is no such score or group.
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
