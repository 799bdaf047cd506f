"""Passes two blank images through a system, to check that its components keep their contracts."""

import math

import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.engine.evaluation_mode import evaluating
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Batch, CodeKind, CodeSpace, Learning, Phase, Posterior, Prior, Recovery
from priorkit.models.guarded_phase import GuardedPhase
from priorkit.models.system import BuiltSystem

__all__ = ["expect_shape", "rehearse"]


def rehearse(system: BuiltSystem, config: RunConfig, *, trained: bool) -> None:
    """Passes two blank images through the system."""
    images = torch.zeros(2, system.shape.channels, system.shape.size, system.shape.size)
    decoded = (2, math.prod(config.code_shape))
    generator = torch.Generator().manual_seed(0)
    with evaluating(*system.modules().values()):
        posterior = system.encoder(images, torch.zeros(decoded)) if system.encoder is not None else None
        if posterior is not None:
            _expect_posterior(posterior, system, config, decoded)
        noise = system.prior.noise(2, generator=generator)
        condition = system.condition.draw(2, generator=generator) if system.condition is not None else None
        if condition is not None and system.condition is not None:
            expect_shape("condition", config, condition, (2, system.condition.dim))
        prior_codes = system.prior_codes(noise, condition)
        expect_codes("prior", config, prior_codes, system.codes)
        if system.encoder is not None:
            expect_shape("encoder", config, system.encoder.embed(prior_codes), decoded)
        expect_shape("networks", config, system.decode(prior_codes), tuple(images.shape))
        if system.image_critic is not None:
            seen = system.condition is not None and system.condition.seen_by_image_critic
            expect_shape("networks", config, system.image_critic(images, condition if seen else None), (2,))
            if system.recogniser is not None and system.condition is not None and condition is not None:
                recovered = system.recogniser(system.image_critic.features(images))
                expect_shape("networks", config, recovered, tuple(condition.shape))
                expect_shape("condition", config, system.condition.recovery_loss(recovered, condition), ())
                if system.condition.recovery is Recovery.SELF_LABELLED:
                    changed = system.condition.changed(images, system.condition.change_noise(2, generator=generator))
                    expect_shape("condition", config, changed, tuple(images.shape))
                    for term in system.condition.self_labelling_terms(recovered, recovered).values():
                        expect_shape("condition", config, term, ())
        for item in () if trained else system.chosen:
            # priorkit's own phases consist of what is tried below. Phases that take all codes would change the prior.
            if (item.brought or not item.own) and item.phase.batch is not Batch.ALL_CODES:
                batch = images if item.phase.batch is Batch.IMAGES else _codes_of(posterior)
                _rehearse_phase(system, GuardedPhase(item), batch, condition, generator)
        if posterior is None or (system.loss is None and not system.fits_codes):
            return
        if system.prior.learning is Learning.CODES:
            matching = system.prior.code_noise(2, generator=generator)
            given = condition if system.prior.takes_condition else None
            expect_shape("prior", config, _code_loss(system.prior, posterior.latent, matching, given, config), ())
        on_codes = any(stage.batch is Batch.CODES for stage in system.stages)
        if on_codes and system.prior.learning is Learning.LIKELIHOOD:
            given = condition if system.prior.takes_condition else None
            density = system.prior.log_prob(posterior.latent, *([given] if given is not None else []))
            expect_shape("prior", config, density, (2,))
        if system.fits_codes:
            return
        assert system.loss is not None, "a trained encoder has a reconstruction loss"
        try:
            loss = system.loss(system.decoder(posterior.code), images, system.image_critic)
        except ValueError as error:
            raise ConfigurationError(f"--loss {config.loss.name}: {error}") from error
        expect_shape("loss", config, loss, ())
        shared = condition if system.condition is not None and system.condition.from_data else None
        assert system.regularizer is not None, "a system with an encoder has a regularizer"
        try:
            drawn = system.regularizer.encoder_noise(2, generator=generator)
            terms = system.regularizer.encoder_terms(posterior, system.prior, prior_codes, shared, drawn)
        except ValueError as error:
            raise ConfigurationError(f"--regularizer {config.regularizer.name}: {error}") from error
        for term in terms.values():
            expect_shape("regularizer", config, term, ())
        taken = sorted({"reconstruction", "prior", *terms} & posterior.terms.keys())
        if taken:
            raise ConfigurationError(
                f"--encoder {config.encoder.name}: its loss term {taken[0]!r} has the name of another term; this is "
                "a mistake in the plug-in"
            )


def _expect_posterior(posterior: Posterior, system: BuiltSystem, config: RunConfig, decoded: tuple[int, ...]) -> None:
    """Refuses an encoder whose output differs from what it declares."""
    expect_shape("encoder", config, posterior.code, decoded)
    quantises = system.codes.kind is CodeKind.INDICES
    if (posterior.indices is not None) is not quantises:
        raise ConfigurationError(
            f"--encoder {config.encoder.name}: its codes are {system.codes}, and it gives "
            f"{'none' if quantises else 'indices'}; this is a mistake in the plug-in"
        )
    if posterior.indices is not None:
        expect_codes("encoder", config, posterior.indices, system.codes)
    if posterior.log_prob is not None:
        expect_shape("encoder", config, posterior.log_prob, (2,))
    for term in posterior.terms.values():
        expect_shape("encoder", config, term, ())


def _codes_of(posterior: Posterior | None) -> Tensor:
    """The codes of blank images, as for a phase that takes codes."""
    assert posterior is not None, "codes come from an encoder"
    return posterior.latent


def _rehearse_phase(
    system: BuiltSystem, phase: Phase, images: Tensor, condition: Tensor | None, generator: torch.Generator
) -> None:
    """Runs a phase's moves without training; the phase raises errors if they are wrong."""
    noise = dict(phase.noise(len(images), generator, images.device))
    # As in training: a random s is drawn by the phase itself.
    if condition is not None and system.condition is not None and system.condition.from_data:
        noise["condition"] = condition
        if system.condition.mismatched and phase.batch is Batch.IMAGES:
            noise["mismatched"] = condition
        if system.condition.interpolated and phase.batch is Batch.IMAGES:
            noise["interpolated"] = condition
        if system.condition.shows_entries:
            noise["entries"] = system.condition.draw_entries(len(images), generator=generator)
    if system.prior.leaves_out:
        noise["indices"] = torch.arange(len(images))
    # Buffers are restored, so that they start with the first step.
    keeping = [*phase.networks.values(), system.prior] if system.prior.leaves_out else phase.networks.values()
    kept = [(buffer, buffer.clone()) for network in keeping for buffer in network.buffers()]
    with torch.enable_grad():
        for _ in phase.moves(images, noise):
            pass
    for buffer, before in kept:
        buffer.copy_(before)


def _code_loss(prior: Prior, code: Tensor, noise: Tensor, condition: Tensor | None, config: RunConfig) -> Tensor:
    try:
        return prior.code_loss(code, noise, condition)
    except TypeError as error:
        raise ConfigurationError(f"--prior {config.prior.name}: {error}; this is a mistake in the plug-in") from error


def expect_codes(slot: str, config: RunConfig, value: Tensor, codes: CodeSpace) -> None:
    """Refuses codes that are not two points of their space, naming the component of `slot`.

    Raises:
        ConfigurationError: They have another shape, or are not indices of the codebook's entries.
    """
    expect_shape(slot, config, value, (2, codes.dim))
    if codes.kind is CodeKind.INDICES and (
        value.dtype != torch.int64 or not 0 <= int(value.min()) <= int(value.max()) < codes.entries
    ):
        raise ConfigurationError(
            f"--{slot} {getattr(config, slot).name}: it gives {value.dtype} codes from {value.min():g} to "
            f"{value.max():g} where int64 indices of {codes.entries} entries were expected; this is a mistake in the "
            "plug-in"
        )


def expect_shape(slot: str, config: RunConfig, value: Tensor, shape: tuple[int, ...]) -> None:
    """Refuses a tensor of a wrong shape, naming the component of `slot`.

    Raises:
        ConfigurationError: It has another shape.
    """
    if tuple(value.shape) != shape:
        raise ConfigurationError(
            f"--{slot.replace('_', '-')} {getattr(config, slot).name}: it gives a tensor of shape {tuple(value.shape)} "
            f"where {shape} was expected; this is a mistake in the plug-in"
        )
