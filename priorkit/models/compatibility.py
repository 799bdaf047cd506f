"""Makes sure that the components of a system fit each other, before anything is written."""

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Condition, ImageSet, Learning, Recovery
from priorkit.models.rehearsal import expect_shape, rehearse
from priorkit.models.system import BuiltSystem

__all__ = ["check_system"]


def check_system(system: BuiltSystem, config: RunConfig, train: ImageSet | None = None) -> None:
    """Checks a system that has just been built, on the CPU.

    Args:
        system: The system.
        config: Its configuration.
        train: The training images, or None where a trained run is loaded.

    Raises:
        ConfigurationError: A component breaks its contract, or two of them do not go together.
    """
    if system.fits_codes:
        _refuse_what_codes_do_not_teach(system, config)
    else:
        _refuse_untrainable(system, config)
    _ask_the_components(system, config)
    _refuse_what_has_no_effect(system, config)
    _check_prior(system, config)
    if system.condition is not None:
        _check_condition(system, system.condition, config, train)
    rehearse(system, config, trained=train is None)


def _refuse_what_codes_do_not_teach(system: BuiltSystem, config: RunConfig) -> None:
    """Where an autoencoder stands still, its codes are all that a prior can learn from."""
    prior = f"--prior {config.prior.name}"
    instead = "use a prior that learns from codes or by likelihood, such as --prior flow-matching or vampprior"
    assert system.encoder is not None, "a run without an encoder is refused before its prior is built"
    learning = system.prior.learning
    if learning is Learning.FIXED:
        raise ConfigurationError(f"{prior}: it has nothing to learn; {instead}, or --prior mixture --prior.learned")
    if learning is Learning.ADVERSARIAL:
        raise ConfigurationError(f"{prior}: it learns by fooling an image discriminator, not from codes; {instead}")
    if learning is Learning.PHASES:
        raise ConfigurationError(f"{prior}: it learns in phases of its own, together with the encoder; {instead}")
    if learning is Learning.LIKELIHOOD and not system.prior.has_density:
        raise ConfigurationError(
            f"{prior}: it learns by likelihood and has no density; this is a mistake in the plug-in"
        )
    if "prior" not in system.trained():
        raise ConfigurationError(
            f"{prior}: it says that it learns ({learning.value}), and has no parameters to train; this is a mistake in "
            "the plug-in"
        )


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


def _refuse_what_has_no_effect(system: BuiltSystem, config: RunConfig) -> None:
    prior = f"--prior {config.prior.name}"
    if system.condition is not None and not system.prior.takes_condition:
        raise ConfigurationError(
            f"{prior}: its codes do not depend on the condition {config.condition.name!r}; use --prior learned, "
            "labelled-gaussian or mixture, or --condition none"
        )
    if system.encoder is None and system.prior.learning in (Learning.LIKELIHOOD, Learning.CODES):
        raise ConfigurationError(
            f"{prior}: it learns from the codes of images, and --encoder none gives none; use --encoder gaussian, or "
            "--prior gaussian or learned"
        )
    learns_from_codes = system.fits_codes or system.prior.learning is Learning.CODES
    if system.condition is not None and not system.condition.from_data and learns_from_codes:
        raise ConfigurationError(
            f"{prior}: it learns from the codes of images, and nothing says which {config.condition.name!r} condition "
            "belongs to which image; use --condition labels or embedding, or --prior learned"
        )
    if config.balance_fakes and not config.reconstructions_as_fakes:
        raise ConfigurationError(
            "--balance-fakes: samples are the only fakes; use --reconstructions-as-fakes too, or leave it out"
        )
    if system.encoder is None and not config.decoder_in_both_phases:
        raise ConfigurationError(
            "--no-decoder-in-both-phases: without an encoder, the decoder learns in the prior improvement phase alone; "
            "leave the flag out"
        )


def _refuse_untrainable(system: BuiltSystem, config: RunConfig) -> None:
    """A network that a phase is to train must have something to train."""
    wanted = {"decoder": ("networks", "decoder")}
    if system.encoder is not None:
        wanted["encoder"] = ("encoder", "encoder")
    if system.image_critic is not None:
        wanted["image_critic"] = ("networks", "image critic")
    if system.regularizer is not None and system.regularizer.has_critic:
        wanted["code_critic"] = ("regularizer", "critic, which it says that it has (has_critic),")
    if system.recogniser is not None:
        wanted["recogniser"] = ("networks", "recogniser")
    if system.prior.learning is not Learning.FIXED:
        wanted["prior"] = ("prior", f"prior, which says that it learns ({system.prior.learning.value}),")
    for name, (slot, words) in wanted.items():
        if name not in system.trained():
            raise ConfigurationError(
                f"--{slot.replace('_', '-')} {getattr(config, slot).name}: its {words} has no parameters to train; "
                "this is a mistake in the plug-in"
            )
    trained = {name for item in system.brought for names in item.phase.players.values() for name in names}
    wrong = ""
    if system.prior.learning is Learning.PHASES and "prior" not in trained:
        wrong = f"--prior {config.prior.name}: it learns in phases that it brings, it says, and none of them trains it"
    elif system.prior.learning is Learning.FIXED and "prior" in trained:
        wrong = f"--prior {config.prior.name}: a phase trains it, and it says that it is fixed"
    elif (
        system.regularizer is not None
        and "code_critic" in system.trained()
        and not system.regularizer.has_critic
        and "code_critic" not in trained
    ):
        wrong = (
            f"--regularizer {config.regularizer.name}: nothing trains its parameters: it says that it has no critic "
            "(has_critic is False), and no phase trains `code_critic`"
        )
    if wrong:
        raise ConfigurationError(f"{wrong}; this is a mistake in the plug-in")


def _check_prior(system: BuiltSystem, config: RunConfig) -> None:
    """What a prior says of how it learns must make sense together."""
    prior, learns = system.prior, system.prior.learning is Learning.CODES
    wrong = ""
    if prior.improvement < 0 or (prior.improvement and not learns):
        wrong = f"it says improvement {prior.improvement}, which must be at least 0, and 0 unless it learns from codes"
    elif prior.code_steps < 1:
        wrong = f"it says code_steps {prior.code_steps}, which must be at least 1"
    if wrong:
        raise ConfigurationError(f"--prior {config.prior.name}: {wrong}; this is a mistake in the plug-in")


def _check_condition(system: BuiltSystem, condition: Condition, config: RunConfig, train: ImageSet | None) -> None:
    """A condition must say one thing about itself, be learned by somebody, and be what its images bring."""
    given = f"--condition {config.condition.name}"
    of_data = [
        name
        for name, set_ in (
            ("seen_by_code_critic", condition.seen_by_code_critic),
            ("mismatched", condition.mismatched),
            (f"recovery {condition.recovery.value}", condition.recovery in (Recovery.REAL, Recovery.BOTH)),
        )
        if set_ and not condition.from_data
    ]
    wrong = ""
    if of_data:
        wrong = f"it says {of_data[0]}, but images bring no s (from_data is False)"
    elif condition.mismatched and not condition.seen_by_image_critic:
        wrong = "it says mismatched, but D_I is shown no s (seen_by_image_critic is False)"
    elif not 0 <= condition.classes <= condition.dim:
        wrong = f"it says that it has {condition.classes} classes, and s has {condition.dim} dimensions"
    if wrong:
        raise ConfigurationError(f"{given}: {wrong}; this is a mistake in the plug-in")
    regularizer = system.regularizer
    if not system.fits_codes and not (
        condition.seen_by_image_critic
        or (condition.recovery is not Recovery.NONE and condition.recovery_weight > 0)
        or (condition.from_data and regularizer is not None and regularizer.uses_condition)
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
    expect_shape("condition", config, condition.vectors(entries[:2]), (min(2, len(train)), condition.dim))
