"""The comparison of priors that are fitted to the codes of the same autoencoders, for the same time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from priorkit.registry import Registry, bare_name
from priorkit.studies.study import MAIN_SCORES, SAMPLE_SCORES, ComparedSystem, Study

__all__ = ["PRIORS_STUDY", "with_own_priors"]

_TRAINED: Mapping[str, str] = {
    "aae": "AAE",
    "vampprior": "VampPrior",
    "exemplar-vae": "exemplar VAE",
    "learned": "learned prior",
}
"""Titles of the recipes whose priors learn together with the encoder."""
_OF_VECTORS: Mapping[str, Mapping[str, Any]] = {
    "full-gaussian": {},
    "mixture": {"em": True, "components": 50, "means": "random"},
    "kde": {},
    "resampled": {},
    "noise-contrastive": {},
    "energy": {},
    "two-stage": {},
    "flow": {},
    "autoregressive": {},
    "diffusion": {},
    "flow-matching": {},
}
"""Priors that are fitted to vectors, and their options."""
_OF_INDICES: Mapping[str, Mapping[str, Any]] = {"index-frequencies": {}, "autoregressive": {}}
"""Priors that are fitted to indices."""


@dataclass(frozen=True)
class _Autoencoder:
    """An autoencoder whose codes priors are fitted to.

    Attributes:
        called: The autoencoder's title.
        own: The autoencoder's own prior, in words.
        settings: The changes to its recipe.
        fitted: The priors that are fitted to its codes, with their options.
    """

    called: str
    own: str
    settings: Mapping[str, Any]
    fitted: Mapping[str, Mapping[str, Any]]


_AUTOENCODERS: Mapping[str, _Autoencoder] = {
    # Two of the recipes fit a prior in a separate stage; this study compares such fits, so it drops the stages.
    "autoencoder": _Autoencoder("AE", "N(0, 1)", {"prior": "gaussian", "stages": None}, _OF_VECTORS),
    "vae": _Autoencoder("VAE", "N(0, 1)", {}, _OF_VECTORS),
    "vq-vae": _Autoencoder(
        "VQ-VAE",
        "uniform",
        {"prior": "uniform", "stages": None},
        _OF_INDICES,
    ),
}
"""The autoencoders, by the names of their recipes."""


def _fit(base: str, prior: str, options: Mapping[str, Any]) -> ComparedSystem:
    return ComparedSystem(
        f"{base}-{prior}".replace(":", "-"),
        f"{_AUTOENCODERS[base].called} + {prior}",
        settings={"prior": {"name": prior, **options} if options else prior},
        fitted_to=base,
        prior=prior,
    )


def _systems() -> Iterable[ComparedSystem]:
    for recipe, called in _TRAINED.items():
        yield ComparedSystem(recipe, called, recipe)
    for recipe, base in _AUTOENCODERS.items():
        yield ComparedSystem(recipe, f"{base.called}, {base.own}", recipe, base.settings)
        for prior, options in base.fitted.items():
            yield _fit(recipe, prior, options)


PRIORS_STUDY = Study(
    "priors",
    "priors fitted to the codes of the same autoencoders",
    data=(),
    settings={"networks": "residual"},
    systems=tuple(_systems()),
    scores=(*SAMPLE_SCORES, "code-two-sample", "code-log-likelihood"),
    main_scores=(*MAIN_SCORES, "precision", "recall", "code-two-sample", "code-log-likelihood"),
    notes=(
        "Priors of one autoencoder have the same decoder: what differs is the prior. The log-density of codes compares "
        "priors of one autoencoder only.",
        "The training time of a fit does not include that of its autoencoder, which is in the autoencoder's own row.",
    ),
)


def with_own_priors(study: Study, names: Iterable[str], registry: Registry) -> Study:
    """Adds the user's own priors to a study, fitted to each of its autoencoders.

    Args:
        study: The study; returned unchanged if it fits no priors.
        names: The requested names: systems of the study, or priors (`my-prior`), which are added if the study does not
            have them.
        registry: The installed components.
    """
    if not study.has_fits:
        return study
    known = {name for system in study.systems for name in (system.name, system.prior)}
    own = [name for name in names if name not in known and bare_name(name) in registry.names("prior")]
    # Whether a prior takes an autoencoder's codes is found out by trying; refused fits are left out, with the reason.
    added = tuple(_fit(base, name, {}) for base in _AUTOENCODERS for name in own)
    return replace(study, systems=(*study.systems, *added))
