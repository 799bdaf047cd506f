"""pythae's systems in the benchmark `quality`.

Networks, first weights, rates and data are those of `pythae_systems`; images lie in [-1, 1]. How they are sampled:

- AAE, VAE and WAE-MMD: `NormalSampler`.
- VAMP: from the trained prior, a uniform mixture of the posteriors of all pseudo-inputs, which the encoder's batch norm
  normalises by their own statistics, as in training. pythae's `VAMPSampler` uses only the first pseudo-inputs, and
  passes their log-variances through a tanh that training does not have.
- `-gmm`: `GaussianMixtureSampler` unchanged (10 Gaussians with full covariances), fitted to the codes of all training
  images. The time of fitting counts, since samples need the fit.

Samples come from the current networks, in evaluation mode. pythae trains by its own trainer; a callback interrupts it
to draw samples, with the clock stopped.
"""

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from priorkit import RunConfig
from priorkit.data import to_uint8
from priorkit.engine import choose_device
from priorkit.interfaces import ImageData
from pythae_systems import (
    AdversarialAutoencoder,
    PythaeSystem,
    VariationalAutoencoder,
    require_pythae,
    wrapped_networks,
)
from quality_points import Point, Report, Task

__all__ = ["PYTHAE", "train_pythae"]

_PSEUDO_INPUTS = 500
"""The number in priorkit's `vampprior`, and in the paper."""


class _Unadversarial(PythaeSystem):
    """A system that `BaseTrainer` trains, and whose losses are not compared with priorkit's."""

    def make_model(self, encoder: nn.Module, decoder: nn.Module, config: RunConfig) -> Any:
        raise NotImplementedError

    def make_trainer(self, config: RunConfig, adam: dict[str, Any]) -> Any:
        from pythae.trainers import BaseTrainer, BaseTrainerConfig

        encoder, decoder, _ = wrapped_networks(self.system)
        settings = BaseTrainerConfig(
            **self.common, learning_rate=config.learning_rate, optimizer_cls="Adam", optimizer_params=dict(adam)
        )
        return BaseTrainer(self.make_model(encoder, decoder, config), self.dataset, training_config=settings)

    def losses(self, images: Tensor, noise: Tensor) -> dict[str, float]:
        raise NotImplementedError


class _WassersteinAutoencoder(_Unadversarial):
    """`WAE_MMD` with the weight, kernel and code size of priorkit's recipe."""

    recipe = "wae-mmd"

    def make_model(self, encoder: nn.Module, decoder: nn.Module, config: RunConfig) -> Any:
        from pythae.models import WAE_MMD, WAE_MMD_Config

        weight = float(config.regularizer.options["weight"])
        model = WAE_MMD_Config(input_dim=self.shape, latent_dim=config.code_dim, reg_weight=weight)
        return WAE_MMD(model, encoder=encoder, decoder=decoder)


class _Autoencoder(_Unadversarial):
    """`AE`, with the WAE's small number of dimensions, in which a mixture fits best."""

    recipe = "wae-mmd"

    def make_model(self, encoder: nn.Module, decoder: nn.Module, config: RunConfig) -> Any:
        from pythae.models import AE, AEConfig

        return AE(AEConfig(input_dim=self.shape, latent_dim=config.code_dim), encoder=encoder, decoder=decoder)


class _VampAutoencoder(_Unadversarial):
    """`VAMP`, with its pseudo-inputs in the range of the images."""

    recipe = "vae"

    def make_model(self, encoder: nn.Module, decoder: nn.Module, config: RunConfig) -> Any:
        from pythae.models import VAMP, VAMPConfig

        settings = VAMPConfig(input_dim=self.shape, latent_dim=config.code_dim, number_components=_PSEUDO_INPUTS)
        model = VAMP(settings, encoder=encoder, decoder=decoder)
        model.pseudo_inputs[1] = nn.Hardtanh(-1.0, 1.0)
        return model


def _normal(model: Any, data: ImageData, n: int) -> tuple[Tensor, float]:
    from pythae.samplers import NormalSampler

    return NormalSampler(model).sample(n, batch_size=500), 0.0


def _vamp(model: Any, data: ImageData, n: int) -> tuple[Tensor, float]:
    # A copy, because batch norm in training mode changes its running statistics.
    encoder = copy.deepcopy(model.encoder).train()
    inputs = model.pseudo_inputs(model.idle_input.to(model.device))
    posterior = encoder(inputs.reshape(-1, *model.model_config.input_dim))
    picked = torch.randint(len(inputs), (n,), device=inputs.device)
    mean, deviation = posterior.embedding[picked], torch.exp(0.5 * posterior.log_covariance[picked])
    codes = mean + deviation * torch.randn_like(mean)
    return torch.cat([model.decoder(part).reconstruction for part in torch.split(codes, 500)]), 0.0


class _FromUnit(nn.Module):
    """Lets a model of images in [-1, 1] take images in [0, 1], which fitted samplers give it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.decoder = model.decoder

    def forward(self, inputs: Any) -> Any:
        return self.model({"data": 2 * inputs["data"] - 1})


def _gaussian_mixture(model: Any, data: ImageData, n: int) -> tuple[Tensor, float]:
    from pythae.samplers import GaussianMixtureSampler

    sampler = GaussianMixtureSampler(_FromUnit(model))
    images = data.train.take(torch.arange(len(data.train))).float() / 255
    began = time.perf_counter()
    sampler.fit(images)
    seconds = time.perf_counter() - began
    # The sampler's library draws from numpy's global generator.
    np.random.seed(int(torch.randint(2**31, ())))
    return sampler.sample(n, batch_size=500), seconds


_Sampler = Callable[[Any, ImageData, int], tuple[Tensor, float]]
"""Takes a model, its data and a number. Returns samples in [-1, 1], and the seconds of fitting the sampler."""

PYTHAE: dict[str, tuple[type[PythaeSystem], _Sampler]] = {
    "pythae-aae": (AdversarialAutoencoder, _normal),
    "pythae-vae": (VariationalAutoencoder, _normal),
    "pythae-wae-mmd": (_WassersteinAutoencoder, _normal),
    "pythae-vamp": (_VampAutoencoder, _vamp),
    "pythae-vae-gmm": (VariationalAutoencoder, _gaussian_mixture),
    "pythae-ae-gmm": (_Autoencoder, _gaussian_mixture),
}
"""Class and sampler of each system, by name."""


class _Over(Exception):  # noqa: N818 - the end of training is not an error
    pass


def train_pythae(name: str, task: Task, report: Report) -> None:
    """Trains one of `PYTHAE`, and reports its samples at each of the times.

    Args:
        name: Name of the system.
        task: Data, times and samples.
        report: Called with the samples.

    Raises:
        Unsupported: pythae is not installed.
    """
    require_pythae()
    from pythae.trainers.training_callbacks import CallbackHandler, TrainingCallback

    kind, sample = PYTHAE[name]
    data = task.load()
    system = kind(data=data, device=choose_device(task.device).type, seed=task.seed)
    model, batch = system.trainer.model, system.config.batch_size
    due = list(task.times)
    clock = {"began": 0.0, "steps": 0}

    def draw(seconds: float) -> None:
        began = time.perf_counter()
        images = (system.epochs - 1) * len(data.train) + min(clock["steps"] * batch, len(data.train))
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(task.seed)
            model.eval()
            samples, fitting = sample(model, data, task.samples)
        report(Point(seconds + fitting, int(images), to_uint8(samples).cpu()))
        model.to(system.trainer.device).train()
        clock["began"] += time.perf_counter() - began

    class Interrupt(TrainingCallback):  # type: ignore[misc]
        def on_train_step_end(self, training_config: Any, **_: Any) -> None:
            clock["steps"] += 1
            seconds = time.perf_counter() - clock["began"]
            if seconds < due[0]:
                return
            draw(seconds)
            while due and due[0] <= seconds:
                due.pop(0)
            if not due:
                raise _Over

    system.trainer.callback_handler = CallbackHandler(callbacks=[Interrupt()], model=model)
    clock["began"] = time.perf_counter()
    try:
        while True:
            clock["steps"] = 0
            system.epoch()
    except _Over:
        return
