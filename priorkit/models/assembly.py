"""Builds the system that a configuration describes."""

from typing import TypeVar

import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.config.building import build_component, build_optional
from priorkit.data import DataSummary, to_float
from priorkit.errors import ConfigurationError
from priorkit.interfaces import (
    AdversarialLoss,
    CodeGenerator,
    CodeSpace,
    Condition,
    Encoder,
    Learning,
    Networks,
    Prior,
    ReconstructionLoss,
    Recovery,
    Regularizer,
    TextEncoder,
)
from priorkit.models.compatibility import check_components, check_system
from priorkit.models.map_networks import MapNetworks
from priorkit.models.phases import phases_of
from priorkit.models.stages import plan_stages
from priorkit.models.system import BuiltSystem
from priorkit.models.watched_phase import outside_components
from priorkit.plugins import (
    AdversarialLossContext,
    CodeGeneratorContext,
    ConditionContext,
    EncoderContext,
    LossContext,
    NetworksContext,
    PhaseComponent,
    PriorContext,
    RegularizerContext,
    TextEncoderContext,
)
from priorkit.registry import Registry

__all__ = ["build_system"]

T = TypeVar("T")


def build_system(config: RunConfig, registry: Registry, data: DataSummary, *, trained: bool = False) -> BuiltSystem:
    """Builds the networks and losses of a configuration, on the CPU, from torch's global generator.

    Args:
        config: The choice of components.
        registry: The registry of components.
        data: The data that they are built for.
        trained: Whether the system is that of a trained run, for inference only.

    Raises:
        ConfigurationError: A component cannot be built, or two components are incompatible.
    """

    def make(slot: str, interface: type[T], context: object) -> T:
        return build_component(config, registry, slot, interface, context)

    def make_optional(slot: str, interface: type[T], context: object) -> T | None:
        return build_optional(config, registry, slot, interface, context)

    def code_generator(noise_dim: int, condition_dim: int) -> CodeGenerator:
        context = CodeGeneratorContext(noise_dim + condition_dim, codes.dim, condition_dim, codes=codes)
        return make("code_generator", CodeGenerator, context)

    def text_encoder() -> TextEncoder:
        return make("text_encoder", TextEncoder, TextEncoderContext(data.vocabulary))

    def adversarial_loss() -> AdversarialLoss:
        return make("adversarial_loss", AdversarialLoss, AdversarialLossContext())

    decoded = CodeSpace(config.code_shape)
    networks = make("networks", Networks, NetworksContext(data.shape))
    if config.code_size is not None:
        networks = MapNetworks(networks, config.code_size)
    encoder = make_optional("encoder", Encoder, EncoderContext(networks, decoded.dim, codes=decoded))
    fits_codes = config.fitted_to is not None
    if encoder is None and fits_codes:
        raise ConfigurationError(
            f"{str(config.fitted_to)!r} has no encoder (--encoder none), so there are no codes to fit a prior to; fit "
            "one to the run of an autoencoder"
        )
    codes = decoded if encoder is None or encoder.codes is None else encoder.codes
    condition = make_optional(
        "condition",
        Condition,
        ConditionContext(data.classes, data.embedding_dim, data.train, text_encoder, data.vocabulary),
    )
    condition_dim = condition.dim if condition is not None else 0
    prior = make(
        "prior",
        Prior,
        PriorContext(
            codes.dim,
            code_generator,
            condition_dim,
            encoder,
            lambda number: _images_to_start_from(data, number),
            data.train_count,
            condition_dim if condition is not None and condition.classes == condition_dim else 0,
            data.training_images,
            codes=codes,
        ),
    )
    regularizer, loss = None, None
    if encoder is not None and fits_codes:
        loss = make_optional("loss", ReconstructionLoss, LossContext(data.shape, trained=True))
        if loss is not None and loss.needs_image_critic:
            # The condition's data are no longer available, and nothing is trained.
            loss = None
    elif encoder is not None:
        seen_dim = condition_dim if condition is not None and condition.seen_by_code_critic else 0
        context = RegularizerContext(networks, codes.dim, adversarial_loss(), seen_dim, data.train_count, codes=codes)
        regularizer = make("regularizer", Regularizer, context)
        loss = make_optional("loss", ReconstructionLoss, LossContext(data.shape, trained))
        if loss is None:
            raise ConfigurationError(
                f"--loss {config.loss.name}: an encoder learns from a reconstruction loss; use --loss pixel or "
                "perceptual, or --encoder none for a GAN"
            )
    recovered = not fits_codes and condition is not None and condition.recovery is not Recovery.NONE
    # If no phase improves the prior, a prior that learns from codes learns from codes alone, and an adversarial prior
    # is trained against D_C, in a phase of its regularizer.
    listed = (registry.get("phases", choice.name).component for choice in config.phases)
    improved = any(isinstance(component, PhaseComponent) and component.improves_prior for component in listed)
    needs_critic = not fits_codes and (
        encoder is None
        or (loss is not None and loss.needs_image_critic)
        or (improved and (prior.learning is Learning.ADVERSARIAL or prior.improvement > 0))
        or recovered
        or (condition is not None and condition.seen_by_image_critic)
    )
    shown_dim = condition_dim if condition is not None and condition.seen_by_image_critic else 0
    system = BuiltSystem(
        shape=data.shape,
        codes=codes,
        encoder=encoder,
        decoder=networks.decoder(decoded.dim),
        prior=prior,
        regularizer=regularizer,
        loss=loss,
        adversarial_loss=adversarial_loss(),
        image_critic=networks.image_critic(shown_dim) if needs_critic else None,
        condition=condition,
        recogniser=networks.recogniser(condition_dim) if recovered else None,
        fits_codes=fits_codes,
    )
    check_components(system, config)
    chosen, outside = phases_of(system, config, registry), outside_components(config, registry)
    system.stages = plan_stages(chosen, config, registry.names("phases"), prior.learning, outside)
    check_system(system, config, data.train)
    return system


def _images_to_start_from(data: DataSummary, number: int) -> Tensor:
    if data.train is None:
        return torch.zeros(number, data.shape.channels, data.shape.size, data.shape.size)
    return to_float(data.train.take(data.train.spread_indices(number)))
