"""Checks that phases train every network of a system, and the prior in the way that it learns."""

from collections.abc import Collection

from priorkit.config import DEFAULT_STEPS, RunConfig
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Batch, Learning, Recovery
from priorkit.models.phase_contract import networks_of
from priorkit.models.system import BuiltSystem

__all__ = ["require_trainers"]


def require_trainers(system: BuiltSystem, config: RunConfig) -> None:
    """Checks that phases train every network that should be trained, and no others.

    Names of phases serve only as hints in messages.

    Raises:
        ConfigurationError: No phase trains a network, or a prior is trained in another way than it declares.
    """
    trained = system.trained().keys()
    _refuse_idle_prior(system, config, trained)
    regularizer = system.regularizer
    idle_critic = "regularizer" in networks_of(system) and "regularizer" not in trained
    if regularizer is not None and idle_critic and not regularizer.has_critic:
        raise ConfigurationError(
            f"--regularizer {config.regularizer.name}: nothing trains its parameters: it declares no critic "
            "(has_critic is False), and no phase trains `regularizer`; this is a mistake in the plug-in"
        )
    if system.fits_codes:
        return
    for name, words in _PHASE_FOR.items():
        if name in networks_of(system) and name not in trained:
            raise ConfigurationError(
                f"no phase of this run trains the {words[0]}: its phases are "
                f"{', '.join(item.phase.name for item in system.chosen) or 'none'}; add {words[1]} to --phases, or to "
                f"one of its --stages{_or_do_without(name, system)}"
            )


def _or_do_without(name: str, system: BuiltSystem) -> str:
    """The options that need an image discriminator or a classifier, and could be changed instead."""
    asks = []
    if system.loss is not None and system.loss.needs_image_critic:
        asks.append("--loss pixel")
    if system.condition is not None and system.condition.recovery is not Recovery.NONE:
        asks.append("--condition.recovery none")
    return f", or use {' and '.join(asks)}" if asks and name in ("image_critic", "recogniser") else ""


_PHASE_FOR = {
    "encoder": ("encoder", "autoencoder"),
    "decoder": ("decoder", "autoencoder, or prior-improvement for a GAN,"),
    "regularizer": ("code discriminator", "autoencoder"),
    "image_critic": ("image discriminator", "prior-improvement"),
    "recogniser": ("classifier Q", "prior-improvement"),
}
"""Networks that only phases train: their names in messages, and the phase that trains them."""


def _refuse_idle_prior(system: BuiltSystem, config: RunConfig, trained: Collection[str]) -> None:
    """Refuses a prior that no phase trains in the way that it learns."""
    prior, learning = f"--prior {config.prior.name}", system.prior.learning
    if learning is Learning.FIXED:
        if "prior" in trained:
            raise ConfigurationError(
                f"{prior}: a phase trains it, but it declares that it is fixed; this is a mistake in the plug-in"
            )
        if system.fits_codes:
            raise ConfigurationError(f"{prior}: it has nothing to learn; {_FITTED}, or --prior mixture --prior.em")
        return
    if learning is Learning.ALL_CODES:
        if not any(stage.batch is Batch.ALL_CODES for stage in system.stages):
            raise ConfigurationError(
                f"{prior}: it is fitted to the codes of a trained autoencoder; give it a stage after the "
                f"autoencoder's, --stages all:{DEFAULT_STEPS},code-fitting:1, or train with another prior and use "
                f"priorkit fit RUN {prior}"
            )
        return
    if learning is Learning.LIKELIHOOD and system.takes_codes and not system.prior.has_density:
        raise ConfigurationError(
            f"{prior}: it learns by likelihood, but has no density; this is a mistake in the plug-in"
        )
    encoder = system.encoder
    if learning is Learning.LIKELIHOOD and system.takes_codes and encoder is not None:
        there, here = system.prior.support, encoder.support
        if not there.holds(here):
            raise ConfigurationError(
                f"{prior}: it learns by the density of codes in {there}, and the encoder's are in {here}, where it is "
                "0; use --prior flow-matching, which needs none"
            )
    if "prior" in trained:
        return
    if learning is Learning.ADVERSARIAL and system.takes_codes:
        raise ConfigurationError(f"{prior}: it learns by fooling an image discriminator, not from codes; {_FITTED}")
    if learning is Learning.PHASES and system.fits_codes:
        raise ConfigurationError(f"{prior}: it learns in its own phases, together with the encoder; {_FITTED}")
    if learning is Learning.PHASES:
        raise ConfigurationError(
            f"{prior}: it declares that it learns in its own phases, but none of them trains it; this is a mistake in "
            "the plug-in"
        )
    if learning is Learning.LIKELIHOOD and system.regularizer is not None and not system.regularizer.trains_prior:
        raise ConfigurationError(
            f"--regularizer {config.regularizer.name}: trains nothing, but {type(system.prior).__name__} learns by "
            "likelihood; use --regularizer kl, or --prior gaussian, or give the prior a separate stage: --stages "
            f"all:{DEFAULT_STEPS},code-fitting:{DEFAULT_STEPS}"
        )
    needed = {Learning.CODES: "code-matching", Learning.ADVERSARIAL: "prior-improvement"}.get(learning, "autoencoder")
    raise ConfigurationError(
        f"{prior}: no phase of this run trains it: its phases are "
        f"{', '.join(item.phase.name for item in system.chosen) or 'none'}; add {needed} to --phases, or to one of its "
        "--stages"
    )


_FITTED = "use a prior that learns from codes or by likelihood, such as --prior flow-matching or vampprior"
