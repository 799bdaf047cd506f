import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from priorkit.config import RunConfig, resolve_config, validate_settings
from priorkit.engine import CheckpointStore, Engine, Noise, Precision, make_optimizer
from priorkit.errors import ConfigurationError, NonFiniteLossError
from priorkit.interfaces import ImageData, ImageSet, ImageShape
from priorkit.plugins import Registry
from priorkit.training import Session, System, build_system, to_float
from priorkit.training.held_out import energy_distance, reconstruction_error
from priorkit.training.session import make_phases

RESIDUAL = {"name": "residual", "width": 2, "critic_hidden": 8, "code_critic_width": 10}


def optimizer_states(session: Session) -> dict[str, Tensor]:
    return {
        f"{name}/{index}/{key}": torch.as_tensor(value)
        for name, optimizer in session.engine.optimizers.items()
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def everything(session: Session) -> dict[str, Tensor]:
    """Weights, statistics, averages, optimiser states, position and losses: what makes two sessions the same."""
    engine = session.engine.state_dict()
    position = {key: torch.tensor(engine[key]) for key in ("steps", "images_seen")}
    updates = {"updates": torch.tensor(session.averages.updates if session.averages is not None else 0)}
    losses = {f"loss/{key}": torch.tensor(value) for key, value in session.engine.losses(reset=False).items()}
    tensors = {**session.weights(), **optimizer_states(session), **position, **updates, **losses}
    return {key: value.detach().clone() for key, value in tensors.items()}


def differing(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    assert first.keys() == second.keys()
    return [key for key in first if not torch.equal(first[key], second[key])]


# The algorithm as a plain loop.


def fixed(network: nn.Module) -> Any:
    """A copy that gradients go through, that learns nothing, and whose statistics are nobody's."""
    return copy.deepcopy(network).requires_grad_(False)


def with_other_statistics(network: nn.Module, value: Tensor) -> Tensor:
    """Lets a network learn from a pass that moves none of its statistics."""
    statistics = {name: buffer.clone() for name, buffer in network.named_buffers()}
    return functional_call(network, statistics, (value,))


def real(logits: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def fake(logits: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


class PlainLoop:
    """Algorithm 1 of Wang et al. 2020, and the VAE and the AAE, written down without an engine."""

    def __init__(self, system: System, config: RunConfig) -> None:
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
            self.train(["code_critic"], real(code_critic(z_c)) + fake(code_critic(posterior.code.detach())))
        x_rec = system.decoder(posterior.code)
        if self.config.loss.name == "perceptual":
            features = fixed(system.image_critic).features
            loss = functional.mse_loss(features(x_rec), features(x).detach())
        else:
            loss = functional.mse_loss(x_rec, x, reduction="sum") / len(x)
            if self.config.loss.options["reduction"] == "mean":
                loss = loss / x[0].numel()
        if adversarial:
            loss = loss + real(fixed(code_critic)(posterior.code))
        else:
            mean, log_variance = posterior.mean, posterior.log_variance
            loss = loss + (mean**2 + log_variance.exp() - log_variance - 1).sum(1).mean() / 2
        self.train(["encoder", "decoder"], loss)
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
    """Lets a session do steps, and gives the noise of each phase in each."""
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
        images = session.batches.at(session.engine.images_seen)
        noise = next(noises)
        plain.autoencoder_phase(images, noise["autoencoder"])
        if session.system.image_critic is not None:
            plain.prior_improvement_phase(images, noise["prior_improvement"])
    expected = plain.system.state()
    for key, value in session.system.state().items():
        torch.testing.assert_close(value, expected[key], rtol=1e-4, atol=1e-5, msg=lambda text, key=key: f"{key}: {text}")
    # Weights move by about the learning rate a step, far above the tolerance.
    for name in session.system.trained():
        moved = max(float((session.system.state()[key] - start[key]).abs().max()) for key in start if key.startswith(name))
        assert moved > 1e-3, name


def test_the_order_of_updates_matters(tiny_session: Callable[..., Session]) -> None:
    results = []
    for simultaneous in (False, True):
        session = tiny_session("learned", simultaneous=simultaneous)
        session.step()
        results.append({key: value.clone() for key, value in session.system.state().items()})
    assert {key.split("/")[0] for key in differing(*results)} >= {"encoder", "decoder", "prior"}


# Repeatability.

VARIANTS = [
    ("learned", {}),
    ("learned", {"networks": RESIDUAL}),
    ("learned", {"networks": {"dropout": 0.5}, "encoder": "gaussian", "reconstructions_as_fakes": True}),
    ("learned", {"optimizer": "sgd", "clip_norm": 1.0, "simultaneous": True}),
    ("learned", {"precision": "bfloat16"}),
    ("aae", {"optimizer": "rmsprop"}),
    ("vae", {"optimizer": "adamw", "weight_decay": 0.01, "average": 0.0}),
    ("vae", {"prior": "location"}),
]


@pytest.mark.parametrize(("recipe", "changes"), VARIANTS)
def test_the_same_seed_gives_the_same_run(
    recipe: str, changes: dict[str, Any], tiny_session: Callable[..., Session]
) -> None:
    results = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        session = tiny_session(recipe, **changes)
        for _ in range(4):
            session.step()
            torch.rand(global_seed)
        results.append(everything(session))
    assert differing(*results) == []


def test_another_seed_gives_another_run(tiny_session: Callable[..., Session]) -> None:
    first, second = (tiny_session("learned", seed=seed) for seed in (0, 1))
    assert differing(first.weights(), second.weights())
    assert not torch.equal(first.batches.at(0), second.batches.at(0))


@pytest.mark.parametrize(("recipe", "changes"), VARIANTS)
def test_saved_and_loaded_in_between_makes_no_difference(
    recipe: str, changes: dict[str, Any], tiny_session: Callable[..., Session], tmp_path: Path
) -> None:
    whole = tiny_session(recipe, **changes)
    for _ in range(10):
        whole.step()
    first = tiny_session(recipe, **changes)
    for _ in range(5):
        first.step()
    first.seconds, first.best = 12.5, {"score": 0.25, "step": 4.0}
    store = CheckpointStore(tmp_path)
    store.save(first.steps, first.weights(), first.state(), ["last"])
    second = tiny_session(recipe, **changes)
    second.step()
    second.load(store.load_weights(), store.load_state())
    assert (second.steps, second.seconds, second.best) == (5, 12.5, {"score": 0.25, "step": 4.0})
    for _ in range(5):
        second.step()
    assert differing(everything(second), everything(whole)) == []
    assert second.model.sample(5).equal(whole.model.sample(5))


def test_layouts_in_memory_survive_a_checkpoint(tiny_session: Callable[..., Session], tmp_path: Path) -> None:
    """Fused optimisers need the layout of a weight and of what they keep for it to agree."""
    first, second = (tiny_session("learned", networks=RESIDUAL, channels_last=True) for _ in range(2))
    first.step()
    store = CheckpointStore(tmp_path)
    store.save(1, first.weights(), first.state(), ["last"])
    second.load(store.load_weights(), store.load_state())
    for name, optimizer in second.engine.optimizers.items():
        for weight, state in optimizer.state.items():
            assert state["exp_avg"].stride() == weight.stride(), name


# Limits, reviews and checks.


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"steps": 7}, 7),
        ({"epochs": 2.0}, 7),  # 2 * 20 images / 6
        ({"epochs": 0.01}, 1),
        ({"steps": 3, "epochs": 2.0}, 3),
        ({"steps": 30, "epochs": 2.0}, 7),
        ({"max_time": 10}, None),
    ],
)
def test_a_run_ends_at_its_first_limit(
    limits: dict[str, Any], expected: int | None, tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session("vae", **limits)
    assert session.total_steps() == expected
    steps = 0
    while not session.finished() and steps < 40:
        session.step()
        steps += 1
    assert steps == (expected or 40)


def test_a_run_ends_when_its_time_is_over(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", max_time=10, steps=1000)
    session.seconds = 9.9
    assert not session.finished()
    session.seconds = 10.0
    assert session.finished()


def test_a_review_changes_nothing_and_repeats_itself(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", networks={"dropout": 0.5})
    session.step()
    before, random = everything(session), torch.get_rng_state()
    first, second = session.review(), session.review()
    assert differing(everything(session), before) == []
    assert torch.equal(torch.get_rng_state(), random)
    assert all(layer.training for network in session.system.trained().values() for layer in network.modules())
    assert torch.equal(first.samples, second.samples)
    assert torch.equal(first.reconstructions, second.reconstructions)
    assert first.scores == second.scores
    session.step()
    assert not torch.equal(session.review().samples, first.samples)


def test_a_review_shows_and_scores_the_model(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned")
    session.step()
    review = session.review()
    images = to_float(session.data.test.images)
    assert torch.equal(review.originals, session.data.test.images)
    assert review.samples.shape == (64, 1, 16, 16)
    assert {review.samples.dtype, review.reconstructions.dtype} == {torch.uint8}
    samples, reconstructions = session.model.sample(64, session.config.seed), session.model.reconstruct(images)
    assert review.scores == {
        "reconstruction_error": pytest.approx(reconstruction_error(reconstructions, images)),
        "sample_distance": pytest.approx(energy_distance(samples, images)),
    }
    assert torch.allclose(to_float(review.reconstructions), reconstructions, atol=1 / 255)


def test_one_held_out_image_has_no_sample_distance(tiny_session: Callable[..., Session]) -> None:
    review = tiny_session("learned", dataset={"test": 1}).review()
    assert set(review.scores) == {"reconstruction_error"}
    assert review.originals.shape == review.reconstructions.shape == (1, 1, 16, 16)


def test_the_model_is_the_averaged_one(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", average=0.9)
    session.step()
    assert session.model.decoder is session.averages.networks["decoder"]
    assert session.model.prior is session.averages.networks["prior"]
    assert session.model.encoder is session.system.encoder
    plain = tiny_session("learned", average=0.0)
    assert plain.averages is None
    assert plain.model.decoder is plain.system.decoder
    assert plain.model.prior is plain.system.prior
    fixed_prior = tiny_session("aae", average=0.9)
    assert fixed_prior.model.prior is fixed_prior.system.prior
    assert fixed_prior.model.decoder is not fixed_prior.system.decoder


@pytest.mark.parametrize("network", ["encoder", "decoder", "prior", "code_critic", "image_critic"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_an_error(
    network: str, value: float, tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session("learned")
    session.step()
    session.check_finite()
    with torch.no_grad():
        next(session.system.trained()[network].parameters()).flatten()[-1] = value
    with pytest.raises(NonFiniteLossError, match=f"{network} .*step 1.*--learning-rate"):
        session.check_finite()


def test_a_batch_larger_than_the_data_is_refused(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError, match=r"21 .*20 training images.*--batch-size 20"):
        tiny_session("learned", batch_size=21)


def test_learning_rates_of_single_networks(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", learning_rate=0.01, learning_rates={"prior": 0.5, "image_critic": 0.25})
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in session.engine.optimizers.items()}
    assert rates == {"encoder": 0.01, "decoder": 0.01, "code_critic": 0.01, "prior": 0.5, "image_critic": 0.25}


def test_weights_start_from_the_seed_alone(tiny_session: Callable[..., Session]) -> None:
    states = []
    for global_seed in (3, 4):
        torch.manual_seed(global_seed)
        states.append(tiny_session("learned").weights())
    assert differing(*states) == []


# Devices that are not there.

RECIPES = ["vae", "aae", "learned"]


def full_size(recipe: str, registry: Registry, **changes: Any) -> RunConfig:
    settings = {**registry.recipe(recipe).settings, "networks": {"name": "residual", "width": 64}, **changes}
    return resolve_config(validate_settings(settings), registry)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("changes", [{}, {"reconstructions_as_fakes": True, "simultaneous": True, "clip_norm": 1.0}])
def test_a_whole_step_at_full_size_on_the_meta_device(
    recipe: str, changes: dict[str, Any], registry: Registry
) -> None:
    """Forward, backward and update, with shapes alone: nothing makes a tensor on a device of its own choice."""
    config = full_size(recipe, registry, **changes)
    with torch.device("meta"):
        system = build_system(config, registry, ImageShape(3, 64))
    networks = system.trained()
    engine = Engine(
        networks,
        {
            name: make_optimizer(
                "adam", network.parameters(), learning_rate=0.1, beta1=0.5, beta2=0.9, weight_decay=0.0
            )
            for name, network in networks.items()
        },
        make_phases(system, config),
        precision=Precision(torch.device("meta"), torch.float32),
        seed=0,
        clip_norm=config.clip_norm,
        simultaneous=config.simultaneous,
    )
    engine.step(torch.empty(64, 3, 64, 64, device="meta"))
    for name, network in networks.items():
        states = [engine.optimizers[name].state[weight]["exp_avg"] for weight in network.parameters()]
        assert [state.shape for state in states] == [weight.shape for weight in network.parameters()]
        assert {state.device.type for state in states} == {"meta"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_passes_of_every_phase_on_a_gpu_that_is_not_there(recipe: str, registry: Registry) -> None:
    """Fake tensors know devices and refuse to mix them. Without the device, they can go forward only."""
    fake_tensors = pytest.importorskip("torch._subclasses")
    config = full_size(recipe, registry, reconstructions_as_fakes=True)
    cuda = torch.device("cuda")
    with fake_tensors.FakeTensorMode():
        with cuda:
            system = build_system(config, registry, ImageShape(3, 64))
        images = torch.empty(64, 3, 64, 64, device=cuda)
        for phase in make_phases(system, config):
            for move in phase.moves(images, phase.noise(64, None, cuda)):
                for name, term in move.terms.items():
                    assert (term.device.type, term.dtype, term.shape) == ("cuda", torch.float32, ()), name
                    assert term.requires_grad, name


def test_data_and_configuration_must_fit(registry: Registry, tiny_config: Callable[..., RunConfig]) -> None:
    tall = ImageSet(torch.zeros(8, 1, 16, 20, dtype=torch.uint8))
    with pytest.raises(ValueError, match="square"):
        Session(tiny_config("vae"), registry, ImageData(tall, tall))
