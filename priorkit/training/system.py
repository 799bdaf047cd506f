"""A system: the components that a configuration names, built to fit each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from priorkit.config import RunConfig
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
    System,
)
from priorkit.plugins import (
    AdversarialLossContext,
    CodeGeneratorContext,
    ConditionContext,
    EncoderContext,
    LossContext,
    NetworksContext,
    PriorContext,
    Registry,
    RegularizerContext,
)
from priorkit.training.batches import to_float
from priorkit.training.brought_phases import SYSTEM_NETWORKS, BroughtPhase, brought_phases
from priorkit.training.builder import build_component, build_optional
from priorkit.training.compatibility import check_system
from priorkit.training.data_summary import DataSummary

__all__ = ["BuiltSystem", "build_system", "tensors_below"]

T = TypeVar("T")


def tensors_below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix/`, by the rest of their names."""
    start = prefix + "/"
    return {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}


@dataclass
class BuiltSystem(System):
    """A system as the core builds and keeps it, with the phases that its components bring.

    Attributes:
        brought: Those phases, in the order of their components.
        fits_codes: Whether the prior alone is trained, on the codes of an autoencoder that stands still.
    """

    brought: tuple[BroughtPhase, ...] = ()
    fits_codes: bool = False

    def _all_modules(self) -> dict[str, nn.Module]:
        named: dict[str, nn.Module | None] = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "prior": self.prior,
            "code_critic": self.regularizer,
            "image_critic": self.image_critic,
            "recogniser": self.recogniser,
            "condition": self.condition,
            "loss": self.loss,
            "adversarial_loss": self.adversarial_loss,
            **self._networks_of_phases(),
        }
        return {name: module for name, module in named.items() if module is not None}

    def _networks_of_phases(self) -> dict[str, nn.Module]:
        return {name: network for brought in self.brought for name, network in brought.phase.networks.items()}

    def modules(self) -> dict[str, nn.Module]:
        """Every module that has a state, by name."""
        return {name: module for name, module in self._all_modules().items() if module.state_dict()}

    def trained(self) -> dict[str, nn.Module]:
        """The networks that some phase trains, by the names that moves use."""
        modules = self.modules()
        if self.fits_codes:
            return {"prior": self.prior} if any(True for _ in self.prior.parameters()) else {}
        names = (*SYSTEM_NETWORKS, *self._networks_of_phases())
        return {
            name: modules[name] for name in names if name in modules and any(True for _ in modules[name].parameters())
        }

    def averaged(self) -> dict[str, nn.Module]:
        """The networks whose averages are used: encoder, decoder, and the prior where it learns.

        Also D_I and Q where Q labels images itself: nobody corrects its labels, which wander from step to step. The
        encoder comes first: a prior that refers to it is copied so that it refers to the copy.
        """
        if self.fits_codes:
            return {"prior": self.prior}
        networks: dict[str, nn.Module] = {} if self.encoder is None else {"encoder": self.encoder}
        networks["decoder"] = self.decoder
        if self.prior.learning is not Learning.FIXED:
            networks["prior"] = self.prior
        if self.condition is not None and self.condition.recovery is Recovery.SELF_LABELLED:
            assert self.image_critic is not None, "what is recovered needs D_I"
            assert self.recogniser is not None, "what is recovered needs Q"
            networks.update(image_critic=self.image_critic, recogniser=self.recogniser)
        return networks

    def to(self, device: torch.device, *, channels_last: bool) -> None:
        """Moves everything to a device; convolutions' weights are laid out channels-last if asked for."""
        # Those without a state may have tensors too: buffers that are not persistent.
        for module in self._all_modules().values():
            module.to(device)
            if channels_last and any(weight.ndim == 4 for weight in module.parameters()):
                module.to(memory_format=torch.channels_last)

    def state(self) -> dict[str, Tensor]:
        """Every tensor of every module, by `module/tensor`."""
        return {
            f"{name}/{key}": value
            for name, module in self.modules().items()
            for key, value in module.state_dict().items()
        }

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Restores what `state` gave.

        Raises:
            KeyError, RuntimeError: The tensors are those of another configuration.
        """
        for name, module in self.modules().items():
            module.load_state_dict(tensors_below(name, tensors))


def build_system(config: RunConfig, registry: Registry, data: DataSummary, *, trained: bool = False) -> BuiltSystem:
    """Builds the networks and losses of a configuration, on the CPU, from torch's global generator.

    Args:
        config: Which components.
        registry: Where they come from.
        data: What they are for.
        trained: Whether the system is that of a trained run, to be used only.

    Raises:
        ConfigurationError: A component cannot be built, or two of them do not go together.
    """

    def make(slot: str, interface: type[T], context: object) -> T:
        return build_component(config, registry, slot, interface, context)

    def make_optional(slot: str, interface: type[T], context: object) -> T | None:
        return build_optional(config, registry, slot, interface, context)

    def code_generator(noise_dim: int, hidden: int | None) -> CodeGenerator:
        return make("code_generator", CodeGenerator, CodeGeneratorContext(noise_dim, code_dim, hidden))

    def adversarial_loss() -> AdversarialLoss:
        return make("adversarial_loss", AdversarialLoss, AdversarialLossContext())

    code_dim = config.code_dim
    networks = make("networks", Networks, NetworksContext(data.shape))
    encoder = make_optional("encoder", Encoder, EncoderContext(networks, code_dim))
    condition = make_optional("condition", Condition, ConditionContext(data.classes, data.embedding_dim, data.train))
    condition_dim = condition.dim if condition is not None else 0
    prior = make(
        "prior",
        Prior,
        PriorContext(
            code_dim,
            code_generator,
            condition_dim,
            encoder,
            lambda number: _images_to_start_from(data, number),
            len(data.train) if data.train is not None else 1,
            condition_dim if condition is not None and condition.classes == condition_dim else 0,
        ),
    )
    regularizer, loss = None, None
    fits_codes = config.fitted_to is not None
    if encoder is not None and fits_codes:
        loss = make_optional("loss", ReconstructionLoss, LossContext(data.shape, trained=True))
        if loss is not None and loss.needs_image_critic:
            # There is none any more, and nothing is trained by it.
            loss = None
    elif encoder is not None:
        seen_dim = condition_dim if condition is not None and condition.seen_by_code_critic else 0
        context = RegularizerContext(networks, code_dim, adversarial_loss(), seen_dim)
        regularizer = make("regularizer", Regularizer, context)
        loss = make_optional("loss", ReconstructionLoss, LossContext(data.shape, trained))
        if loss is None:
            raise ConfigurationError(
                f"--loss {config.loss.name}: an encoder learns from a reconstruction loss; use --loss pixel or "
                "perceptual, or --encoder none for a GAN"
            )
    recovered = not fits_codes and condition is not None and condition.recovery is not Recovery.NONE
    needs_critic = not fits_codes and (
        encoder is None
        or (loss is not None and loss.needs_image_critic)
        or prior.learning is Learning.ADVERSARIAL
        or prior.improvement > 0
        or recovered
        or (condition is not None and condition.seen_by_image_critic)
    )
    shown_dim = condition_dim if condition is not None and condition.seen_by_image_critic else 0
    system = BuiltSystem(
        shape=data.shape,
        codes=CodeSpace((code_dim,)),
        encoder=encoder,
        decoder=networks.decoder(code_dim),
        prior=prior,
        regularizer=regularizer,
        loss=loss,
        adversarial_loss=adversarial_loss(),
        image_critic=networks.image_critic(shown_dim) if needs_critic else None,
        condition=condition,
        recogniser=networks.recogniser(condition_dim) if recovered else None,
        fits_codes=fits_codes,
    )
    if not fits_codes:
        system.brought = brought_phases(system, config, registry)
    check_system(system, config, data.train)
    return system


def _images_to_start_from(data: DataSummary, number: int) -> Tensor:
    if data.train is None:
        return torch.zeros(number, data.shape.channels, data.shape.size, data.shape.size)
    return to_float(data.train.take(data.train.spread_indices(number)))
