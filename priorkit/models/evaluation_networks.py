"""Networks for evaluation: the trained weights, with batch-norm statistics for each use."""

import copy
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from priorkit.engine import Precision, recomputed_statistics, running_statistics
from priorkit.engine.evaluation_mode import evaluating
from priorkit.interfaces import Encoder, ImageCritic, Prior
from priorkit.models.system import BuiltSystem

__all__ = ["EvaluationNetworks"]

M = TypeVar("M", bound=nn.Module)


class EvaluationNetworks:
    """A system's networks in evaluation mode, one copy for each distribution of inputs.

    Training normalises every batch by its own statistics, and each phase gives a network inputs of one kind. A common
    set of running statistics would fit none of these kinds: the decoder, for example, decodes the encoder's codes in
    one phase and the prior's in another. So each use has a copy of the network with shared weights and separate
    statistics, which `recompute` computes for the current weights. Networks without batch norm are not copied.

    Args:
        system: The components, on their device.
        averages: Averaged networks that replace those of the system, by the system's names.

    Attributes:
        encoder: enc, on images; or None.
        prior: The prior, on its noise.
        decoder: dec, on the prior's codes.
        reconstruction_decoder: dec, on the encoder's codes; the same as `decoder` if there is no encoder.
        image_critic: D_I, on the data's images; or None.
        recogniser: Q, on D_I's features of the data's images; or None.
        kept: Names of networks whose statistics `recompute` leaves unchanged, because they are not trained.
    """

    def __init__(self, system: BuiltSystem, averages: Mapping[str, nn.Module] | None = None) -> None:
        trained = {**system.modules(), "prior": system.prior, **(averages or {})}
        encoder, prior, image_critic = trained.get("encoder"), trained["prior"], trained.get("image_critic")
        assert isinstance(prior, Prior)
        assert encoder is None or isinstance(encoder, Encoder)
        assert image_critic is None or isinstance(image_critic, ImageCritic)
        decoder, recogniser = trained["decoder"], trained.get("recogniser")
        self.encoder, self.prior = _encoder_and_prior(encoder, prior)
        self.decoder = _with_own_statistics(decoder)
        self.reconstruction_decoder = _with_own_statistics(decoder) if encoder is not None else self.decoder
        self.image_critic = _with_own_statistics(image_critic) if image_critic is not None else None
        self.recogniser = _with_own_statistics(recogniser) if recogniser is not None else None
        self.kept = frozenset({"encoder", "reconstruction_decoder"}) if system.fits_codes else frozenset()
        self._condition = system.condition

    def modules(self) -> dict[str, nn.Module]:
        """The existing networks, by the names of the attributes; a network with two uses comes only once."""
        named: dict[str, nn.Module | None] = {
            "encoder": self.encoder,
            "prior": self.prior,
            "decoder": self.decoder,
            "reconstruction_decoder": self.reconstruction_decoder if self.encoder is not None else None,
            "image_critic": self.image_critic,
            "recogniser": self.recogniser,
        }
        return {name: module for name, module in named.items() if module is not None}

    def recompute(self, batches: Iterable[Tensor], generator: torch.Generator, precision: Precision) -> None:
        """Computes the statistics of each network by passes over its kind of inputs.

        Args:
            batches: Training images, float32 (n, C, H, W) in [-1, 1] on the device, in batches as in training.
            generator: Source of the prior's noise and of the conditions, on the CPU: as many as there are images.
            precision: The precision of computations.
        """
        found = [module for name, module in self.modules().items() if name not in self.kept]
        with evaluating(*self.modules().values()), recomputed_statistics(*found):
            for images in batches:
                with precision.autocast():
                    self._pass(images, generator)

    def _pass(self, images: Tensor, generator: torch.Generator) -> None:
        n, device = len(images), images.device
        noise = self.prior.noise(n, generator=generator).to(device)
        condition = self._condition
        if condition is not None and self.prior.takes_condition:
            codes = self.prior(noise, condition.draw(n, generator=generator).to(device))
        else:
            codes = self.prior(noise)
        self.decoder(codes if self.encoder is None else self.encoder.embed(codes))
        if self.encoder is not None and not {"encoder", "reconstruction_decoder"} <= self.kept:
            posterior_noise = torch.randn(n, self.encoder.code_dim, generator=generator).to(device)
            posterior = self.encoder(images, posterior_noise if self.encoder.stochastic else None)
            self.reconstruction_decoder(posterior.code)
        if self.image_critic is not None:
            features = self.image_critic.features(images)
            if self.recogniser is not None:
                self.recogniser(features)

    def statistics(self) -> dict[str, Tensor]:
        """The statistics, by `network/layer.running_mean` and `network/layer.running_var`."""
        return {
            f"{name}/{key}": value
            for name, module in self.modules().items()
            for key, value in running_statistics(module).items()
        }

    def load_statistics(self, tensors: Mapping[str, Tensor], names: Collection[str] | None = None) -> None:
        """Restores the result of `statistics`.

        Args:
            tensors: The statistics, by `network/layer.running_mean` and `network/layer.running_var`.
            names: Networks to restore; all if None.

        Raises:
            KeyError, RuntimeError: The tensors are those of other networks.
        """
        for name, value in self.statistics().items():
            if names is None or name.partition("/")[0] in names:
                value.copy_(tensors[name])


def _with_own_statistics(network: M) -> M:
    """A copy that shares all tensors except batch-norm statistics; the network itself if it has none of these."""
    return copy.deepcopy(network, _shared_tensors(network)) if running_statistics(network) else network


def _encoder_and_prior(encoder: Encoder | None, prior: Prior) -> tuple[Encoder | None, Prior]:
    """Like `_with_own_statistics`, for both: a prior that refers to the encoder refers to the encoder's copy."""
    if encoder is None or not running_statistics(encoder):
        return encoder, _with_own_statistics(prior)
    copied: tuple[Encoder, Prior] = copy.deepcopy(
        (encoder, prior), {**_shared_tensors(encoder), **_shared_tensors(prior)}
    )
    return copied


def _shared_tensors(network: nn.Module) -> dict[int, Tensor]:
    """The tensors that a network's copy shares, as the `memo` of `copy.deepcopy`."""
    own = {id(value) for value in running_statistics(network).values()}
    return {id(item): item for item in (*network.parameters(), *network.buffers()) if id(item) not in own}
