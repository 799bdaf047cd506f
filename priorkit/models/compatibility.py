"""Checks that the components of a system fit together, before anything is written."""

import torch

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Batch, Condition, ImageSet, Learning, Recovery
from priorkit.models.code_kinds import require_kinds
from priorkit.models.phase_contract import networks_of
from priorkit.models.rehearsal import expect_shape, rehearse
from priorkit.models.system import BuiltSystem
from priorkit.models.trainers import require_trainers

__all__ = ["check_components", "check_system"]


def check_components(system: BuiltSystem, config: RunConfig) -> None:
    """Checks the components of a system, before its phases are built.

    Raises:
        ConfigurationError: A component breaks its contract, or two components are incompatible.
    """
    require_kinds(system, config)
    _refuse_without_parameters(system, config)
    _refuse_what_has_no_effect(system, config)


def check_system(system: BuiltSystem, config: RunConfig, train: ImageSet | None = None) -> None:
    """Checks a system that has just been built, phases included, on the CPU.

    Args:
        system: The system.
        config: Its configuration.
        train: The training images, or None when a trained run is loaded.

    Raises:
        ConfigurationError: A component breaks its contract, or two components are incompatible.
    """
    require_trainers(system, config)
    _refuse_codes_of_nothing(system, config)
    _ask_the_components(system, config)
    _check_prior(system, config)
    if system.condition is not None:
        _check_condition(system, system.condition, config, train)
    rehearse(system, config, trained=train is None)


def _refuse_without_parameters(system: BuiltSystem, config: RunConfig) -> None:
    """Refuses networks without parameters that a phase should train."""
    wanted = {} if system.fits_codes else {"decoder": ("networks", "decoder")}
    if system.encoder is not None and not system.fits_codes:
        wanted["encoder"] = ("encoder", "encoder")
    if system.image_critic is not None:
        wanted["image_critic"] = ("networks", "image critic")
    if system.regularizer is not None and system.regularizer.has_critic:
        wanted["regularizer"] = ("regularizer", "critic, which it declares (has_critic),")
    if system.recogniser is not None:
        wanted["recogniser"] = ("networks", "recogniser")
    if system.prior.learning not in (Learning.FIXED, Learning.ALL_CODES):
        wanted["prior"] = ("prior", f"prior, which declares that it learns ({system.prior.learning.value}),")
    there = networks_of(system)
    for name, (slot, words) in wanted.items():
        if name not in there:
            raise ConfigurationError(
                f"--{slot.replace('_', '-')} {getattr(config, slot).name}: its {words} has no parameters to train; "
                "this is a mistake in the plug-in"
            )


def _refuse_codes_of_nothing(system: BuiltSystem, config: RunConfig) -> None:
    """Refuses stages on codes without a trained encoder."""
    trained: set[str] = set()
    condition = system.condition
    if condition is not None and not condition.from_data and system.takes_codes:
        raise ConfigurationError(
            f"--prior {config.prior.name}: it learns from the codes of images, and nothing says which "
            f"{config.condition.name!r} condition belongs to which image; use --condition labels or embedding"
        )
    for number, stage in enumerate(system.stages, 1):
        if stage.batch is not Batch.IMAGES and not system.fits_codes:
            given = f"--stages {','.join(map(str, config.stages or ()))}: stage {number} takes codes"
            if system.encoder is None:
                raise ConfigurationError(f"{given}, but there is no encoder (--encoder none); use --encoder gaussian")
            if "encoder" not in trained:
                raise ConfigurationError(
                    f"{given}, but no earlier stage trains the encoder; put a stage with autoencoder first"
                )
        trained |= stage.trains()


def _ask_the_components(system: BuiltSystem, config: RunConfig) -> None:
    if system.encoder is not None and system.regularizer is not None:
        try:
            system.regularizer.check(system.encoder, system.prior)
        except ValueError as error:
            raise ConfigurationError(f"--regularizer {config.regularizer.name}: {error}") from error
    if system.image_critic is not None:
        try:
            system.adversarial_loss.check(system.image_critic)
        except ValueError as error:
            raise ConfigurationError(f"--adversarial-loss {config.adversarial_loss.name}: {error}") from error


_FROM_CODES = (Learning.LIKELIHOOD, Learning.CODES, Learning.ALL_CODES)
"""Kinds of learning that need the codes of images."""


def _refuse_what_has_no_effect(system: BuiltSystem, config: RunConfig) -> None:
    prior = f"--prior {config.prior.name}"
    if system.condition is not None and not system.prior.takes_condition:
        raise ConfigurationError(
            f"{prior}: its codes do not depend on the condition {config.condition.name!r}; use --prior learned, "
            "labelled-gaussian or mixture, or --condition none"
        )
    if system.encoder is None and system.prior.learning in _FROM_CODES:
        raise ConfigurationError(
            f"{prior}: it learns from the codes of images, and --encoder none gives none; use --encoder gaussian, or "
            "--prior gaussian or learned"
        )
    learns_from_codes = system.fits_codes or system.prior.learning in (Learning.CODES, Learning.ALL_CODES)
    if system.condition is not None and not system.condition.from_data and learns_from_codes:
        raise ConfigurationError(
            f"{prior}: it learns from the codes of images, and nothing says which {config.condition.name!r} condition "
            "belongs to which image; use --condition labels or embedding, or --prior learned"
        )
    if config.critic_steps > 1:
        given = f"--critic-steps {config.critic_steps}"
        if system.image_critic is None:
            raise ConfigurationError(f"{given}: this system has no image discriminator; leave it out")
        if config.simultaneous:
            raise ConfigurationError(
                f"{given} and --simultaneous exclude each other: a discriminator with several steps moves before "
                "the generator; leave one of them out"
            )
    if config.balance_fakes and not config.reconstructions_as_fakes:
        raise ConfigurationError(
            "--balance-fakes: samples are the only fakes; add --reconstructions-as-fakes, or leave this flag out"
        )
    if system.encoder is None and not config.decoder_in_both_phases:
        raise ConfigurationError(
            "--no-decoder-in-both-phases: without an encoder, the decoder learns only in the prior improvement phase; "
            "leave this flag out"
        )


def _check_prior(system: BuiltSystem, config: RunConfig) -> None:
    """Checks that a prior's attributes about its learning are consistent."""
    prior, learns = system.prior, system.prior.learning is Learning.CODES
    wrong = ""
    if prior.improvement < 0 or (prior.improvement and not learns):
        wrong = (
            f"its improvement is {prior.improvement}; it must be at least 0, and 0 unless the prior learns from codes"
        )
    elif prior.code_steps < 1:
        wrong = f"its code_steps is {prior.code_steps}; it must be at least 1"
    if wrong:
        raise ConfigurationError(f"--prior {config.prior.name}: {wrong}; this is a mistake in the plug-in")


def _learns_from_codes(system: BuiltSystem) -> bool:
    """Whether the prior is trained on codes, so that it learns p(code | s) if it takes s."""
    return system.takes_codes or system.prior.learning is Learning.CODES


def _check_condition(system: BuiltSystem, condition: Condition, config: RunConfig, train: ImageSet | None) -> None:
    """Checks that a condition is consistent, that something learns from it, and that it fits its images."""
    given = f"--condition {config.condition.name}"
    of_data = [
        name
        for name, set_ in (
            ("seen_by_code_critic", condition.seen_by_code_critic),
            ("mismatched", condition.mismatched),
            ("interpolated", condition.interpolated),
            (f"recovery {condition.recovery.value}", condition.recovery in (Recovery.REAL, Recovery.BOTH)),
        )
        if set_ and not condition.from_data
    ]
    wrong = ""
    if of_data:
        wrong = f"it declares {of_data[0]}, but images have no s (from_data is False)"
    elif condition.mismatched and not condition.seen_by_image_critic:
        wrong = "it declares mismatched, but D_I does not see s (seen_by_image_critic is False)"
    elif not 0 <= condition.interpolated <= 1:
        wrong = f"its interpolated is {condition.interpolated}; it must be a share, from 0 to 1"
    elif condition.interpolated and not condition.seen_by_image_critic:
        wrong = "it declares interpolated, but D_I does not see s (seen_by_image_critic is False)"
    elif not 0 <= condition.classes <= condition.dim:
        wrong = f"it declares {condition.classes} classes, but s has {condition.dim} dimensions"
    if wrong:
        raise ConfigurationError(f"{given}: {wrong}; this is a mistake in the plug-in")
    regularizer = system.regularizer
    if not system.fits_codes and not (
        condition.seen_by_image_critic
        or (condition.recovery is not Recovery.NONE and condition.recovery_weight > 0)
        or (condition.from_data and regularizer is not None and regularizer.uses_condition)
        or (condition.from_data and system.prior.takes_condition and _learns_from_codes(system))
    ):
        raise ConfigurationError(
            f"{given}: nothing learns from it: no discriminator sees it, and no classifier recovers it; use "
            "--regularizer adversarial or --condition.recovery real, a --condition.weight above 0, or --condition none"
        )
    if train is None or not condition.from_data:
        return
    try:
        entries = condition.entries(train)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{given}: {error}") from error
    if len(entries) != len(train):
        raise ConfigurationError(
            f"{given}: it gives {len(entries)} entries for {len(train)} images; this is a mistake in the plug-in"
        )
    chosen = condition.one_of(entries[:2], torch.zeros(min(2, len(train))))
    expect_shape("condition", config, condition.vectors(chosen), (min(2, len(train)), condition.dim))
