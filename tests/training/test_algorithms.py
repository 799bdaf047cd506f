"""The engine and the phases, compared with the algorithms as plain loops."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from priorkit.config import RunConfig
from priorkit.interfaces import Noise
from priorkit.models import BuiltSystem
from priorkit.training import Session

RESIDUAL = {"name": "residual", "width": 2, "critic_hidden": 8, "code_critic_width": 10}


def fixed(network: nn.Module) -> Any:
    """Returns a copy for reading only: gradients pass through it, but neither weights nor statistics are used later."""
    return copy.deepcopy(network).requires_grad_(False)


def with_other_statistics(network: nn.Module, value: Tensor) -> Tensor:
    """Lets a network learn from a pass that does not update its statistics."""
    statistics = {name: buffer.clone() for name, buffer in network.named_buffers()}
    return functional_call(network, statistics, (value,))


def real(logits: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def fake(logits: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


class PlainLoop:
    """Algorithm 1 of Wang et al. 2020, the VAE and the AAE, without an engine."""

    def __init__(self, system: BuiltSystem, config: RunConfig) -> None:
        self.system = copy.deepcopy(system)
        self.config = config
        self.optimizers = {
            name: torch.optim.Adam(
                network.parameters(),
                lr=getattr(config.learning_rates, name) or config.learning_rate,
                betas=(config.beta1, config.beta2),
            )
            for name, network in self.system.trained().items()
        }
        self.held_back: list[str] = []

    def train(self, names: list[str], loss: Tensor) -> None:
        for name in names:
            self.optimizers[name].zero_grad()
        loss.backward()
        if "encoder" in names:
            for weight in self.system.decoder.parameters():
                weight.grad *= self.config.reconstruction_weight
        self.held_back += names
        if not self.config.simultaneous:
            self.end_phase()

    def end_phase(self) -> None:
        for name in self.held_back:
            self.optimizers[name].step()
        self.held_back = []

    def autoencoder_phase(self, x: Tensor, noise: Noise) -> None:
        system = self.system
        posterior = system.encoder(x, noise.get("posterior"))
        adversarial = self.config.regularizer.name == "adversarial"
        if adversarial:
            code_critic = system.regularizer.critic
            z_c = fixed(system.prior)(noise["prior"]).detach()
            self.train(["regularizer"], real(code_critic(z_c)) + fake(code_critic(posterior.code.detach())))
        x_rec = system.decoder(posterior.code)
        if self.config.loss.name == "perceptual":
            features = fixed(system.image_critic).features
            loss = functional.mse_loss(features(x_rec), features(x).detach())
        else:
            loss = functional.mse_loss(x_rec, x, reduction="sum") / len(x)
            if self.config.loss.options["reduction"] == "mean":
                loss = loss / x[0].numel()
        if adversarial:
            regularization = real(fixed(code_critic)(posterior.code))
        else:
            mean, log_variance = posterior.mean, posterior.log_variance
            regularization = (mean**2 + log_variance.exp() - log_variance - 1).sum(1).mean() / 2
        weights = self.config.loss.options["weight"], self.config.regularizer.options["weight"]
        self.train(["encoder", "decoder"], weights[0] * loss + weights[1] * regularization)
        self.end_phase()

    def prior_improvement_phase(self, x: Tensor, noise: Noise) -> None:
        system, config = self.system, self.config
        critic = system.image_critic
        decoder = system.decoder if config.decoder_in_both_phases else fixed(system.decoder)
        learned = config.prior.name == "learned"
        x_noise = decoder((system.prior if learned else fixed(system.prior))(noise["prior"]))
        fakes = [x_noise]
        if config.reconstructions_as_fakes:
            code = fixed(system.encoder)(x, noise.get("posterior")).code.detach()
            fakes.append(with_other_statistics(decoder, code))
        loss = real(critic(x))
        for images in fakes:
            loss = loss + fake(critic(images.detach()))
        self.train(["image_critic"], loss)
        players = ["prior"] * learned + ["decoder"] * config.decoder_in_both_phases
        if players:
            judge = fixed(critic)
            fooled = fakes if config.decoder_in_both_phases else fakes[:1]
            self.train(players, torch.stack([real(judge(images)) for images in fooled]).sum())
        self.end_phase()


def noises_of(session: Session) -> Iterator[dict[str, Noise]]:
    """Runs steps of a session, and returns the noise of each phase in each step."""
    drawn: dict[str, Noise] = {}
    for phase in session.engine.phases:

        def noise(*arguments: Any, phase: Any = phase, draw: Any = phase.noise) -> Noise:
            drawn[phase.name] = draw(*arguments)
            return drawn[phase.name]

        phase.noise = noise
    while True:
        session.step()
        yield drawn


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("learned", {}),
        ("learned", {"networks": RESIDUAL}),
        ("learned", {"networks": RESIDUAL, "channels_last": False, "reconstruction_weight": 0.5}),
        ("learned", {"simultaneous": True}),
        ("learned", {"decoder_in_both_phases": False}),
        ("learned", {"reconstructions_as_fakes": True, "learning_rates": {"prior": 0.002, "decoder": 0.02}}),
        ("learned", {"reconstructions_as_fakes": True, "encoder": "gaussian", "simultaneous": True}),
        ("learned", {"reconstructions_as_fakes": True, "decoder_in_both_phases": False, "loss": "pixel"}),
        ("aae", {}),
        ("aae", {"networks": RESIDUAL}),
        ("aae", {"simultaneous": True, "encoder": "gaussian"}),
        ("aae", {"loss": "perceptual"}),
        ("aae", {"loss": "perceptual", "decoder_in_both_phases": False}),
        ("vae", {}),
        ("vae", {"networks": RESIDUAL}),
        ("vae", {"loss": "perceptual"}),
    ],
)
def test_steps_are_those_of_a_plain_loop(
    recipe: str, changes: dict[str, Any], tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session(recipe, **changes)
    plain = PlainLoop(session.system, session.config)
    start = session.system.state()
    start = {key: value.clone() for key, value in start.items()}
    noises = noises_of(session)
    for _ in range(3):
        images = session.source.batches.at(session.engine.images_seen)
        noise = next(noises)
        plain.autoencoder_phase(images, noise["autoencoder"])
        if session.system.image_critic is not None:
            plain.prior_improvement_phase(images, noise["prior_improvement"])
    expected = plain.system.state()
    for key, value in session.system.state().items():
        torch.testing.assert_close(
            value, expected[key], rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}"
        )
    # Weights move by about the learning rate a step, far above the tolerance.
    for name in session.system.trained():
        moved = max(
            float((session.system.state()[key] - start[key]).abs().max()) for key in start if key.startswith(name)
        )
        assert moved > 1e-3, name


def test_the_order_of_updates_matters(tiny_session: Callable[..., Session]) -> None:
    results = []
    for simultaneous in (False, True):
        session = tiny_session("learned", simultaneous=simultaneous)
        session.step()
        results.append({key: value.clone() for key, value in session.system.state().items()})
    one, other = results
    differing = {key.split("/")[0] for key, value in one.items() if not torch.equal(value, other[key])}
    assert differing >= {"encoder", "decoder", "prior"}
