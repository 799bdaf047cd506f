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
    Encoder,
    ImageCritic,
    ImageShape,
    Learning,
    Networks,
    Prior,
    ReconstructionLoss,
    Regularizer,
)
from priorkit.plugins import (
    AdversarialLossContext,
    CodeGeneratorContext,
    EncoderContext,
    LossContext,
    NetworksContext,
    PriorContext,
    Registry,
    RegularizerContext,
)
from priorkit.training.builder import build_component
from priorkit.training.model import evaluating

__all__ = ["System", "build_system", "tensors_below"]

T = TypeVar("T")


def tensors_below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix/`, by the rest of their names."""
    start = prefix + "/"
    return {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}


@dataclass
class System:
    """An autoencoder, its prior and what trains them.

    Attributes:
        shape: The images' shape.
        code_dim: Dimensions of a code.
        encoder: enc.
        decoder: dec, from codes (N, code_dim) to images in [-1, 1].
        prior: p(code).
        regularizer: Makes the aggregated posterior match the prior; may own a code discriminator D_C.
        loss: L_rec.
        adversarial_loss: The loss of the image discriminator and of those who fool it.
        image_critic: D_I, or None where nothing needs it.
    """

    shape: ImageShape
    code_dim: int
    encoder: Encoder
    decoder: nn.Module
    prior: Prior
    regularizer: Regularizer
    loss: ReconstructionLoss
    adversarial_loss: AdversarialLoss
    image_critic: ImageCritic | None

    def _all_modules(self) -> dict[str, nn.Module]:
        named: dict[str, nn.Module | None] = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "prior": self.prior,
            "code_critic": self.regularizer,
            "image_critic": self.image_critic,
            "loss": self.loss,
            "adversarial_loss": self.adversarial_loss,
        }
        return {name: module for name, module in named.items() if module is not None}

    def modules(self) -> dict[str, nn.Module]:
        """Every module that has a state, by name."""
        return {name: module for name, module in self._all_modules().items() if module.state_dict()}

    def trained(self) -> dict[str, nn.Module]:
        """The networks that some phase trains, by the names that moves use."""
        modules = self.modules()
        names = ("encoder", "decoder", "prior", "code_critic", "image_critic")
        return {
            name: modules[name] for name in names if name in modules and any(True for _ in modules[name].parameters())
        }

    def averaged(self) -> dict[str, nn.Module]:
        """The networks whose averages make the samples: the decoder, and the prior where it learns."""
        networks = {"decoder": self.decoder}
        if self.prior.learning is not Learning.FIXED:
            networks["prior"] = self.prior
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


def build_system(config: RunConfig, registry: Registry, shape: ImageShape) -> System:
    """Builds the networks and losses of a configuration, on the CPU, from torch's global generator.

    Args:
        config: Which components.
        registry: Where they come from.
        shape: The images' shape.

    Raises:
        ConfigurationError: A component cannot be built, or two of them do not go together.
    """

    def make(slot: str, interface: type[T], context: object) -> T:
        return build_component(config, registry, slot, interface, context)

    def code_generator(noise_dim: int, hidden: int | None) -> CodeGenerator:
        return make("code_generator", CodeGenerator, CodeGeneratorContext(noise_dim, code_dim, hidden))

    code_dim = config.code_dim
    networks = make("networks", Networks, NetworksContext(shape))
    adversarial_loss = make("adversarial_loss", AdversarialLoss, AdversarialLossContext())
    encoder = make("encoder", Encoder, EncoderContext(networks, code_dim))
    prior = make("prior", Prior, PriorContext(code_dim, code_generator))
    regularizer = make("regularizer", Regularizer, RegularizerContext(networks, code_dim, adversarial_loss))
    loss = make("loss", ReconstructionLoss, LossContext(shape))
    needs_critic = loss.needs_image_critic or prior.learning is Learning.ADVERSARIAL
    system = System(
        shape=shape,
        code_dim=code_dim,
        encoder=encoder,
        decoder=networks.decoder(code_dim),
        prior=prior,
        regularizer=regularizer,
        loss=loss,
        adversarial_loss=adversarial_loss,
        image_critic=networks.image_critic() if needs_critic else None,
    )
    try:
        regularizer.check(encoder, prior)
    except ValueError as error:
        raise ConfigurationError(f"--regularizer {config.regularizer.name}: {error}") from error
    _refuse_untrainable(system, config)
    _rehearse(system, config)
    return system


def _refuse_untrainable(system: System, config: RunConfig) -> None:
    """A network that a phase is to train must have something to train."""
    wanted = {"encoder": ("encoder", "encoder"), "decoder": ("networks", "decoder")}
    if system.prior.learning is not Learning.FIXED:
        wanted["prior"] = ("prior", f"prior, which says that it learns ({system.prior.learning.value}),")
    for name, (slot, words) in wanted.items():
        if name not in system.trained():
            raise ConfigurationError(
                f"--{slot.replace('_', '-')} {getattr(config, slot).name}: its {words} has no parameters to train; "
                "this is a mistake in the plug-in"
            )


def _rehearse(system: System, config: RunConfig) -> None:
    """Passes two blank images through the system, so that what does not fit fails before anything is written."""
    images = torch.zeros(2, system.shape.channels, system.shape.size, system.shape.size)
    codes = (2, system.code_dim)
    with evaluating(*system.modules().values()):
        noise = system.prior.noise(2, generator=torch.Generator().manual_seed(0))
        _expect("prior", config, system.prior(noise), codes)
        code = system.encoder(images, torch.zeros(codes)).code
        _expect("encoder", config, code, codes)
        reconstruction = system.decoder(code)
        _expect("networks", config, reconstruction, tuple(images.shape))
        try:
            loss = system.loss(reconstruction, images, system.image_critic)
        except ValueError as error:
            raise ConfigurationError(f"--loss {config.loss.name}: {error}") from error
        _expect("loss", config, loss, ())


def _expect(slot: str, config: RunConfig, value: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(value.shape) != shape:
        raise ConfigurationError(
            f"--{slot.replace('_', '-')} {getattr(config, slot).name}: it gives a tensor of shape {tuple(value.shape)} "
            f"where {shape} was expected; this is a mistake in the plug-in"
        )
