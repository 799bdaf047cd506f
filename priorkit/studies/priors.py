"""The comparison of priors: fitted to the codes of the same autoencoders, for the same time."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from priorkit.registry import Registry, bare_name
from priorkit.studies.study import MAIN_SCORES, SAMPLE_SCORES, ComparedSystem, Study

__all__ = ["PRIORS_STUDY", "with_own_priors"]

_AUTOENCODERS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    # Its recipe fits a prior in a stage of its own; here that is what is compared.
    "autoencoder": ("autoencoder", "N(0, 1)", {"prior": "gaussian", "stages": None}),
    "vae": ("VAE", "N(0, 1)", {}),
}
"""Recipes whose codes are vectors: what they are called, what their own prior is, and what is changed in them."""
_FITTED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "full-gaussian": ("Gaussian with covariance", {}),
    "mixture": ("mixture of 50 by EM", {"em": True, "components": 50, "means": "random"}),
    "kde": ("kernel density estimate", {}),
    "flow": ("normalising flow", {}),
    "autoregressive": ("autoregressive", {}),
    "flow-matching": ("flow matching", {}),
}
"""Priors of vectors: what they are called, and their options."""
_TRAINED: Mapping[str, str] = {"aae": "AAE", "vampprior": "VampPrior", "learned": "learned prior"}
"""Recipes whose priors learn together with the encoder: what they are called."""


def _fit(base: str, prior: str, title: str, options: Mapping[str, Any]) -> ComparedSystem:
    return ComparedSystem(
        f"{base}-{prior}".replace(":", "-"),
        f"{_AUTOENCODERS[base][0]} + {title}",
        settings={"prior": {"name": prior, **options} if options else prior},
        fitted_to=base,
        prior=prior,
    )


def _systems() -> Iterable[ComparedSystem]:
    for recipe, called in _TRAINED.items():
        yield ComparedSystem(recipe, called, recipe)
    for recipe, (called, own, settings) in _AUTOENCODERS.items():
        yield ComparedSystem(recipe, f"{called}, {own}", recipe, settings)
        for prior, (title, options) in _FITTED.items():
            yield _fit(recipe, prior, title, options)


PRIORS_STUDY = Study(
    "priors",
    "priors fitted to the codes of the same autoencoders",
    data=(),
    settings={"networks": "residual", "code_dim": 64},
    systems=tuple(_systems()),
    scores=(*SAMPLE_SCORES, "code-two-sample", "code-log-likelihood"),
    main_scores=(*MAIN_SCORES, "precision", "recall", "code-two-sample", "code-log-likelihood"),
    notes=(
        "Priors of one autoencoder have the same decoder: what differs is the prior. The log-density of codes compares "
        "priors of one autoencoder only.",
        "Training time of a fit is the fit's alone. The autoencoder's own row has the time of the autoencoder.",
    ),
)


def with_own_priors(study: Study, names: Iterable[str], registry: Registry) -> Study:
    """A study with those priors of the user's in it that it does not know, fitted to each of its autoencoders.

    Args:
        study: The study.
        names: What the user asks for: names of systems of the study, or of priors (`my-prior`).
        registry: The installed components.
    """
    if not study.has_fits:
        return study
    known = {name for system in study.systems for name in (system.name, system.prior)}
    own = [name for name in names if name not in known and bare_name(name) in registry.names("prior")]
    added = tuple(_fit(base, name, name, {}) for base in _AUTOENCODERS for name in own)
    return replace(study, systems=(*study.systems, *added))
