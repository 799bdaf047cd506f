"""Training loops written by hand, without priorkit's engine, phases or sessions: the same maths, step for step.

They are what a good PyTorch programmer would write for a single system: images on the device as uint8, gathered by a
random permutation and converted to float32 channels-last; one fused Adam for each network; autocast entered again after
each update; critics frozen while other networks train against them; averages by one `torch._foreach_lerp_`; losses
summed without waiting for them.
"""

import abc
import copy
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from priorkit import RunConfig
from priorkit.models import BuiltSystem

__all__ = ["BareAAE", "BareLearned", "BareLoop"]


class BareLoop(abc.ABC):
    """The common part of both loops: batches, precision, optimisers, averages and sums of losses.

    Args:
        system: The networks to train, with their first weights; not shared with a session.
        images: Training images, uint8 (N, C, H, W), on the device of the system and of all computations.
        config: Batch size, learning rates and decays.
        dtype: torch.float32 or torch.bfloat16.
    """

    averaged: tuple[str, ...]

    def __init__(self, system: BuiltSystem, images: Tensor, config: RunConfig, dtype: torch.dtype) -> None:
        self.config = config
        self.images = images
        self.dtype = dtype
        self.networks = self.make_networks(system)
        for network in self.networks.values():
            if any(weight.ndim == 4 for weight in network.parameters()):
                network.to(memory_format=torch.channels_last)
        self.optimizers = {
            name: torch.optim.Adam(
                network.parameters(), config.learning_rate, betas=(config.beta1, config.beta2), fused=True
            )
            for name, network in self.networks.items()
        }
        followed = [self.networks[name] for name in self.averaged]
        self.copies = [copy.deepcopy(network).requires_grad_(False).eval() for network in followed]
        self._weights = (_weights(self.copies), _weights(followed))
        self.steps = 0
        self.sums: dict[str, Tensor] = {}
        self._order = torch.randperm(len(images), device=images.device)
        self._at = 0

    @abc.abstractmethod
    def make_networks(self, system: BuiltSystem) -> dict[str, nn.Module]:
        """Returns the networks to train, by name."""

    @abc.abstractmethod
    def draw(self, n: int) -> Mapping[str, Tensor]:
        """Draws the noise of a step."""

    @abc.abstractmethod
    def train(self, images: Tensor, noise: Mapping[str, Tensor]) -> None:
        """Trains every network on a batch."""

    def step(self) -> None:
        """Trains on the next batch."""
        n = self.config.batch_size
        if self._at + n > len(self._order):
            self._order = torch.randperm(len(self.images), device=self.images.device)
            self._at = 0
        picked = self.images[self._order[self._at : self._at + n]]
        self._at += n
        images = picked.float().mul_(2 / 255).sub_(1).contiguous(memory_format=torch.channels_last)
        self.train_and_average(images, self.draw(n))

    def train_and_average(self, images: Tensor, noise: Mapping[str, Tensor]) -> None:
        """Takes a step on images, float32 (N, C, H, W) in [-1, 1]."""
        self.train(images, noise)
        warm_up = (1 + self.steps) / (10 + self.steps)
        with torch.no_grad():
            torch._foreach_lerp_(*self._weights, 1 - min(self.config.average, warm_up))
        self.steps += 1

    @property
    def device(self) -> torch.device:
        """The device of all computations."""
        return self.images.device

    def autocast(self) -> AbstractContextManager[Any]:
        """Returns the context for forward passes, which must be left before weights change."""
        return nullcontext() if self.dtype == torch.float32 else torch.autocast(self.device.type, dtype=self.dtype)

    def descend(self, losses: Mapping[str, Tensor], *names: str) -> None:
        """Trains the named networks on the sum of these losses, and adds each loss to its sum for `means`."""
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        for name in names:
            self.optimizers[name].step()
            self.optimizers[name].zero_grad()
        for key, loss in losses.items():
            value = loss.detach()
            self.sums[key] = self.sums[key] + value if key in self.sums else value

    def means(self) -> dict[str, float]:
        """Returns the mean of each loss since the last call, or since the start; waits for the device."""
        means = {key: float(value) / self.steps for key, value in self.sums.items()}
        self.sums.clear()
        return means


class BareAAE(BareLoop):
    """The recipe `aae`: a fixed Gaussian prior, a code critic, squared pixel distance."""

    averaged: tuple[str, ...] = ("encoder", "decoder")

    def make_networks(self, system: BuiltSystem) -> dict[str, nn.Module]:
        critic = system.regularizer.get_submodule("critic")
        return {"encoder": system.encoder, "decoder": system.decoder, "code_critic": critic}

    def draw(self, n: int) -> Mapping[str, Tensor]:
        return {"autoencoder": torch.randn(n, self.config.code_dim, device=self.device)}

    def train(self, images: Tensor, noise: Mapping[str, Tensor]) -> None:
        self.train_autoencoder(images, noise["autoencoder"])

    def train_autoencoder(self, images: Tensor, prior_code: Tensor) -> None:
        """Takes the critic's move, then the autoencoder's."""
        critic = self.networks["code_critic"]
        with self.autocast():
            code = self.networks["encoder"](images).code
            losses = {
                "autoencoder/critic_real": softplus(-critic(prior_code).float()).mean(),
                "autoencoder/critic_fake": softplus(critic(code.detach()).float()).mean(),
            }
        self.descend(losses, "code_critic")

        with self.autocast(), frozen(critic):
            reconstruction = self.networks["decoder"](code)
            losses = {
                "autoencoder/reconstruction": self.reconstruction_loss(reconstruction, images),
                "autoencoder/regularization": self.critic_weight * softplus(-critic(code).float()).mean(),
            }
        self.descend(losses, "encoder", "decoder")

    @property
    def critic_weight(self) -> float:
        """Returns the weight of the encoder's adversarial loss."""
        return float(self.config.regularizer.options["weight"])

    def reconstruction_loss(self, reconstruction: Tensor, images: Tensor) -> Tensor:
        """Returns the mean squared distance of pixels."""
        return (reconstruction.float() - images).square().mean()


class BareLearned(BareAAE):
    """The recipe `learned`: both phases of Wang et al. 2020, with the perceptual loss."""

    averaged = ("encoder", "decoder", "prior")

    def make_networks(self, system: BuiltSystem) -> dict[str, nn.Module]:
        assert system.image_critic is not None
        return {**super().make_networks(system), "prior": system.prior, "image_critic": system.image_critic}

    def draw(self, n: int) -> Mapping[str, Tensor]:
        noise_dim: int = self.networks["prior"].code_generator.noise_dim  # type: ignore[union-attr,assignment]
        return {phase: torch.randn(n, noise_dim, device=self.device) for phase in ("autoencoder", "prior_improvement")}

    def train(self, images: Tensor, noise: Mapping[str, Tensor]) -> None:
        prior = self.networks["prior"]
        with torch.no_grad(), self.autocast(), frozen(prior):
            prior_code = prior(noise["autoencoder"])
        self.train_autoencoder(images, prior_code)

        critic = self.networks["image_critic"]
        with self.autocast():
            generated = self.networks["decoder"](prior(noise["prior_improvement"]))
            losses = {
                "prior_improvement/critic_real": softplus(-critic(images).float()).mean(),
                "prior_improvement/critic_fake": softplus(critic(generated.detach()).float()).mean(),
            }
        self.descend(losses, "image_critic")

        with self.autocast(), frozen(critic):
            losses = {"prior_improvement/generator_fake": softplus(-critic(generated).float()).mean()}
        self.descend(losses, "prior", "decoder")

    def reconstruction_loss(self, reconstruction: Tensor, images: Tensor) -> Tensor:
        """Returns the mean squared distance of the image critic's last features."""
        critic: Any = self.networks["image_critic"]
        with frozen(critic):
            with torch.no_grad():
                wanted = critic.features(images).float()
            distance: Tensor = (critic.features(reconstruction).float() - wanted).square().mean()
            return distance


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """A context in which a network is only read: its weights get no gradients, its batch-norm statistics no updates."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    network.requires_grad_(False)
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        network.requires_grad_(True)
        for norm in norms:
            norm.track_running_stats = True


def _weights(networks: list[nn.Module]) -> list[Tensor]:
    return [weight.data for network in networks for weight in network.parameters()]
