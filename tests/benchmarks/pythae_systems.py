"""Pythae's systems with priorkit's networks.

pythae (Chadebec et al. 2022, Pythae: unifying generative autoencoders in Python) trains each of its models by a trainer
class. These are the settings, with their reasons:

- Networks: priorkit's encoder, decoder and code critic with the same initial weights, wrapped in pythae's base classes.
  The critic's logits go through a sigmoid, as pythae's loss takes probabilities. A deterministic encoder gives zeros
  where pythae wants log-variances, with `deterministic_posterior`.
- Losses: pythae's scales are set so that its losses equal priorkit's; the first batch checks this. One difference
  remains, and is part of the comparison: pythae's AAE computes both losses before both updates, and its autoencoder's
  backward pass also computes gradients of the critic, only to clear them; priorkit trains the critic first, and
  computes only gradients that it uses.
- Optimisers: Adam with priorkit's learning rate and betas: one for encoder and decoder and one for the critic (AAE), or
  one for all (VAE). By default, pythae makes them from the trainer's configuration; `fused` adds `fused=True` to this
  configuration, as few users will.
- Data: pythae's own `BaseDataset` and its trainer's own `DataLoader` (`num_workers` 0), in [-1, 1].
- Timing: a turn is `trainer.train_step(epoch)`, one pass over the training data. Not timed are preparation, evaluation
  (the trainer gets no evaluation set), the deep copy of the model after an epoch that improved the loss, checkpoints
  (`steps_saving` is None) and the final save. The progress bar is removed.
- pythae has no bfloat16 on CPUs (`amp` is CUDA's autocast), no channels-last layout and no averages of weights; it is
  measured without them.
"""

import abc
import logging
import tempfile
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from benchmark import Unsupported
from priorkit import RunConfig
from priorkit.data import to_float
from priorkit.interfaces import ImageData
from priorkit.models import BuiltSystem
from sessions import digits, make_config, make_system

__all__ = [
    "PYTHAE_SYSTEMS",
    "AdversarialAutoencoder",
    "PythaeSystem",
    "VariationalAutoencoder",
    "require_pythae",
    "wrapped_networks",
]


def require_pythae() -> None:
    """Makes sure that pythae is installed.

    Raises:
        Unsupported: pythae is not installed.
    """
    try:
        import pythae.models  # noqa: F401
    except ImportError as error:
        raise Unsupported(f"needs pythae ({error}): pip install -e '.[benchmark]'") from None


def wrapped_networks(system: BuiltSystem) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Wraps the encoder, the decoder and the code critic in pythae's base classes."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = system.encoder

        def forward(self, x: Tensor) -> Any:
            posterior = self.network(x)
            log_variance = posterior.log_variance
            if log_variance is None:
                log_variance = torch.zeros_like(posterior.mean)
            return ModelOutput(embedding=posterior.mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = system.decoder

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(z))

    class Discriminator(BaseDiscriminator):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = getattr(system.regularizer, "critic", nn.Identity())

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(embedding=torch.sigmoid(self.network(z)))

    return Encoder(), Decoder(), Discriminator()


class PythaeSystem(abc.ABC):
    """One of pythae's systems, ready to train. Each subclass is one system, with losses that equal priorkit's.

    Args:
        fused: True for torch's fused Adam.
        data: The data to train on; the digits by default.
        device: The device to train on: `cpu`, or `cuda`.
        seed: Seed of the first weights and of the order of images.

    Attributes:
        recipe: priorkit's recipe of the same system.
        settings: Settings over that recipe with which both minimise the same loss.
    """

    recipe: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, *, fused: bool = False, data: ImageData | None = None, device: str = "cpu", seed: int = 0
    ) -> None:
        from pythae.data.datasets import BaseDataset
        from pythae.trainers.training_callbacks import CallbackHandler, TrainingCallback

        logging.getLogger("pythae").setLevel(logging.ERROR)
        for name in list(logging.root.manager.loggerDict):
            if name.startswith("pythae"):
                logging.getLogger(name).setLevel(logging.ERROR)
        settings = {**self.settings, "channels_last": False, "precision": "float32", "seed": seed}
        self.config = make_config(self.recipe, settings)
        self.device = device
        self.data: ImageData = digits(self.config) if data is None else data
        self.system = make_system(self.config, self.data)
        self.critic_scale = float(self.config.regularizer.options.get("weight", 1.0))
        images = to_float(self.data.train.take(torch.arange(len(self.data.train))))
        self.dataset = BaseDataset(images, torch.zeros(len(images)))
        self.folder = tempfile.TemporaryDirectory(prefix="priorkit-benchmark-")
        betas = {"betas": (self.config.beta1, self.config.beta2)}
        self.trainer = self.make_trainer(self.config, {**betas, "fused": True} if fused else betas)
        self.trainer.prepare_training()
        self.trainer.callback_handler = CallbackHandler(callbacks=[TrainingCallback()], model=self.trainer.model)
        self.epochs = 0

    @property
    def common(self) -> dict[str, Any]:
        """Settings of every trainer."""
        return {
            "output_dir": self.folder.name,
            "per_device_train_batch_size": self.config.batch_size,
            "num_epochs": 1,
            "no_cuda": self.device == "cpu",
            "seed": self.config.seed,
        }

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an image."""
        return tuple(self.data.train.images.shape[1:])

    @abc.abstractmethod
    def make_trainer(self, config: RunConfig, adam: dict[str, Any]) -> Any:
        """Makes the trainer, with its model and `self.dataset`."""

    @abc.abstractmethod
    def losses(self, images: Tensor, noise: Tensor) -> dict[str, float]:
        """Returns each player's current loss, with the posterior's means as codes and `noise` as the prior's codes."""

    def epoch(self) -> None:
        """Trains on every image once."""
        self.epochs += 1
        self.trainer.train_step(self.epochs)


class AdversarialAutoencoder(PythaeSystem):
    """`Adversarial_AE`, trained by `AdversarialTrainer`."""

    recipe = "aae"

    def make_trainer(self, config: RunConfig, adam: dict[str, Any]) -> Any:
        from pythae.models import Adversarial_AE, Adversarial_AE_Config
        from pythae.trainers import AdversarialTrainer, AdversarialTrainerConfig

        encoder, decoder, discriminator = wrapped_networks(self.system)
        pixels = self.data.train.images[0].numel()
        model = Adversarial_AE(
            Adversarial_AE_Config(
                input_dim=self.shape,
                latent_dim=config.code_dim,
                deterministic_posterior=True,
                adversarial_loss_scale=self.critic_scale,
                # pythae's loss is half of the squared distance, summed over pixels; priorkit's is the mean over pixels.
                reconstruction_loss_scale=2 / pixels,
            ),
            encoder=encoder,
            decoder=decoder,
            discriminator=discriminator,
        )
        settings = AdversarialTrainerConfig(
            **self.common,
            autoencoder_learning_rate=config.learning_rate,
            autoencoder_optimizer_params=dict(adam),
            discriminator_learning_rate=config.learning_rate,
            discriminator_optimizer_params=dict(adam),
        )
        return AdversarialTrainer(model, self.dataset, training_config=settings)

    def losses(self, images: Tensor, noise: Tensor) -> dict[str, float]:
        model = self.trainer.model
        with torch.no_grad():
            code = model.encoder(images).embedding
            reconstruction = model.decoder(code).reconstruction
            _, autoencoder, critic = model.loss_function(reconstruction, images, code, noise)
        return {"autoencoder": float(autoencoder), "code_critic": float(critic)}


class VariationalAutoencoder(PythaeSystem):
    """`VAE`, trained by `BaseTrainer`."""

    recipe = "vae"
    # pythae's loss is half of the squared distance.
    settings: ClassVar[dict[str, Any]] = {"loss": {"name": "pixel", "reduction": "sum", "weight": 0.5}}

    def make_trainer(self, config: RunConfig, adam: dict[str, Any]) -> Any:
        from pythae.models import VAE, VAEConfig
        from pythae.trainers import BaseTrainer, BaseTrainerConfig

        encoder, decoder, _ = wrapped_networks(self.system)
        model = VAE(VAEConfig(input_dim=self.shape, latent_dim=config.code_dim), encoder=encoder, decoder=decoder)
        settings = BaseTrainerConfig(
            **self.common, learning_rate=config.learning_rate, optimizer_cls="Adam", optimizer_params=dict(adam)
        )
        return BaseTrainer(model, self.dataset, training_config=settings)

    def losses(self, images: Tensor, noise: Tensor) -> dict[str, float]:
        model = self.trainer.model
        with torch.no_grad():
            posterior = model.encoder(images)
            mean, log_variance = posterior.embedding, posterior.log_covariance
            reconstruction = model.decoder(mean).reconstruction
            loss, _, _ = model.loss_function(reconstruction, images, mean, log_variance, mean)
        return {"autoencoder": float(loss)}


PYTHAE_SYSTEMS: tuple[type[PythaeSystem], ...] = (AdversarialAutoencoder, VariationalAutoencoder)
"""The systems of the benchmarks `pythae-RECIPE`."""
