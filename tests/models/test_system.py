from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.config import RunConfig
from priorkit.data import DataSummary
from priorkit.errors import ConfigurationError
from priorkit.interfaces import (
    CodeGenerator,
    Encoder,
    ImageCritic,
    ImageShape,
    Learning,
    Posterior,
    Prior,
    ReconstructionLoss,
)
from priorkit.models import BuiltSystem, build_system
from priorkit.plugins import Component
from priorkit.registry import Registry

SHAPE = ImageShape(1, 16)


@pytest.fixture
def build(registry: Registry, tiny_config: Callable[..., RunConfig]) -> Callable[..., BuiltSystem]:
    def make(recipe: str = "learned", registry: Registry = registry, **changes: Any) -> BuiltSystem:
        return build_system(tiny_config(recipe, registry, **changes), registry, DataSummary(SHAPE))

    return make


@pytest.mark.parametrize(
    ("recipe", "changes", "trained", "averaged"),
    [
        ("vae", {}, {"encoder", "decoder"}, {"encoder", "decoder"}),
        ("vae", {"prior": "location"}, {"encoder", "decoder", "prior"}, {"encoder", "decoder", "prior"}),
        ("aae", {}, {"encoder", "decoder", "regularizer"}, {"encoder", "decoder"}),
        ("aae", {"loss": "perceptual"}, {"encoder", "decoder", "regularizer", "image_critic"}, {"encoder", "decoder"}),
        (
            "learned",
            {},
            {"encoder", "decoder", "regularizer", "image_critic", "prior"},
            {"encoder", "decoder", "prior"},
        ),
        (
            "learned",
            {"loss": "pixel"},
            {"encoder", "decoder", "regularizer", "image_critic", "prior"},
            {"encoder", "decoder", "prior"},
        ),
        (
            "learned",
            {"condition": "categorical"},
            {"encoder", "decoder", "regularizer", "image_critic", "recogniser", "prior"},
            {"encoder", "decoder", "prior"},
        ),
        (
            "learned",
            {"condition": {"name": "categorical", "recovery": "self-labelled"}},
            {"encoder", "decoder", "regularizer", "image_critic", "recogniser", "prior"},
            {"encoder", "decoder", "prior", "image_critic", "recogniser"},
        ),
        ("learned", {"encoder": "none", "prior": "gaussian"}, {"decoder", "image_critic"}, {"decoder"}),
        ("learned", {"encoder": "none"}, {"decoder", "image_critic", "prior"}, {"decoder", "prior"}),
    ],
)
def test_has_the_networks_that_it_needs(
    recipe: str, changes: dict[str, Any], trained: set[str], averaged: set[str], build: Callable[..., BuiltSystem]
) -> None:
    system = build(recipe, **changes)
    assert set(system.trained()) == trained
    assert set(system.averaged()) == averaged
    assert (system.image_critic is not None) == ("image_critic" in trained)
    assert set(system.modules()) == trained | ({"prior"} if system.prior.state_dict() else set())


def test_networks_of_one_kind_are_independent(build: Callable[..., BuiltSystem]) -> None:
    system = build("learned")
    weights = [weight for network in system.trained().values() for weight in network.parameters()]
    assert len({weight.data_ptr() for weight in weights}) == len(weights)


def test_the_state_is_all_of_it(build: Callable[..., BuiltSystem]) -> None:
    first, second = build("learned"), build("learned")
    first.decoder(first.prior(first.prior.noise(6)))
    state = {key: value.clone() for key, value in first.state().items()}
    assert any(not torch.equal(value, state[key]) for key, value in second.state().items())
    second.load_state(state)
    assert second.state().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in second.state().items())
    codes = torch.randn(3, 4)
    assert torch.equal(first.decoder.eval()(codes), second.decoder.eval()(codes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"adversarial_loss": "wasserstein-gp"},
            r"--adversarial-loss wasserstein-gp: .* --networks\.critic-norm layer",
        ),
        ({"adversarial_loss": "began"}, "adversarial loss needs a critic that is an autoencoder.*--networks began"),
    ],
)
def test_an_adversarial_loss_refuses_critics(
    changes: dict[str, Any], told: str, build: Callable[..., BuiltSystem]
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build("learned", networks={"name": "residual", "width": 2}, **changes)


def test_every_critic_has_a_loss_of_its_own(build: Callable[..., BuiltSystem]) -> None:
    system = build("learned", networks={"name": "began", "width": 2}, adversarial_loss="began")
    assert {"adversarial_loss/k", "regularizer/adversarial_loss.k"} <= system.state().keys()
    assert system.regularizer is not None
    assert system.adversarial_loss not in list(system.regularizer.modules())


def test_the_state_of_another_configuration_is_refused(build: Callable[..., BuiltSystem]) -> None:
    state = build("learned").state()
    with pytest.raises((KeyError, RuntimeError)):
        build("learned", code_dim=5).load_state(state)
    with pytest.raises((KeyError, RuntimeError)):
        build("learned").load_state({key: value for key, value in state.items() if not key.startswith("prior/")})


def test_building_leaves_networks_as_they_were_made(build: Callable[..., BuiltSystem]) -> None:
    system = build("learned")
    for name, network in system.trained().items():
        assert all(layer.training for layer in network.modules()), name
        assert all(weight.grad is None and weight.requires_grad for weight in network.parameters())
        counters = [buffer for key, buffer in network.named_buffers() if key.endswith("num_batches_tracked")]
        assert counters, name
        assert not any(counters)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regularizer": "kl"}, "--regularizer kl: needs an encoder .*--encoder gaussian"),
        ({"regularizer": "kl", "encoder": "gaussian"}, "--regularizer kl: needs a prior with a density"),
        ({"loss": {"layer": 7}, "networks": "mlp"}, "no layer 7"),
        ({"loss": "none"}, "--loss none: an encoder learns from a reconstruction loss"),
        ({"prior": "gaussian", "condition": "categorical"}, "--prior gaussian: its codes do not depend on the cond"),
        ({"encoder": "none", "prior": "location"}, "--prior location: it learns from the codes of images"),
        (
            {"prior": "flow", "encoder": "gaussian", "regularizer": "kl", "condition": "categorical"},
            "--regularizer kl: a conditional flow has a density for each s",
        ),
        (
            {"encoder": "none", "prior": "gaussian", "decoder_in_both_phases": False},
            "--no-decoder-in-both-phases: without an encoder",
        ),
        ({"encoder": "none", "decoder_in_both_phases": False}, "--no-decoder-in-both-phases: without an encoder"),
        (
            {"condition": {"name": "categorical", "weight": 0}},
            "--condition categorical: nothing learns from it: no discriminator sees it",
        ),
    ],
)
def test_components_that_do_not_go_together(
    changes: dict[str, Any], message: str, build: Callable[..., BuiltSystem]
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        build("learned", **changes)
    assert "\n" not in str(caught.value)


# Components that break their contracts.


class OddPrior(Prior):
    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.layer = nn.Sequential(nn.Dropout(0.5), nn.Linear(1, 1))
        self.layer[0].eval()
        self.register_buffer("scale", torch.ones(()), persistent=False)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor) -> Tensor:
        return noise


class HollowPrior(OddPrior):
    """Says that it learns, and has nothing to learn with."""

    learning = Learning.LIKELIHOOD

    def __init__(self, code_dim: int) -> None:
        super().__init__(code_dim)
        self.layer.requires_grad_(False)
        del self.layer


class OddEncoder(Encoder):
    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.layer = nn.Linear(256, code_dim)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        code = self.layer(image.flatten(1))
        return Posterior(code, code)


class OddGenerator(CodeGenerator):
    def __init__(self, noise_dim: int, code_dim: int) -> None:
        super().__init__()
        self.noise_dim, self.code_dim = noise_dim, code_dim
        self.layer = nn.Linear(noise_dim, code_dim)

    def forward(self, noise: Tensor) -> Tensor:
        return self.layer(noise)


class OddLoss(ReconstructionLoss):
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        return (reconstruction - image).square().flatten(1).mean(1)


def refuse(options: Any, context: Any) -> Any:
    raise ValueError("not today")


@pytest.mark.parametrize(
    ("slot", "build_component", "message"),
    [
        ("prior", lambda options, context: OddPrior(context.code_dim + 1), r"--prior odd: .*\(2, 5\).*\(2, 4\)"),
        ("prior", lambda options, context: HollowPrior(context.code_dim), "--prior odd: .* no parameters to train"),
        ("encoder", lambda options, context: OddEncoder(3), r"--encoder odd: .*\(2, 3\).*\(2, 4\)"),
        ("loss", lambda options, context: OddLoss(), r"--loss odd: .*\(2,\).*\(\)"),
        (
            "prior",
            lambda options, context: nn.Linear(2, 2),
            r"--prior odd: .*priorkit-tests 1\.0.* Linear, not a Prior",
        ),
        ("regularizer", lambda options, context: None, "--regularizer odd: .* NoneType, not a Regularizer"),
        ("networks", lambda options, context: SimpleNamespace(), "--networks odd: .*not a Networks"),
        ("prior", refuse, "--prior odd: not today"),
        ("code_generator", refuse, "--code-generator odd: not today"),
        (
            "code_generator",
            lambda options, context: OddGenerator(context.noise_dim, 9),
            r"--prior learned: .*\(2, 9\).*\(2, 4\)",
        ),
    ],
)
def test_a_component_that_breaks_its_contract_is_named(
    slot: str,
    build_component: Callable[[Any, Any], Any],
    message: str,
    build: Callable[..., BuiltSystem],
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Component[Any]],
) -> None:
    registry = make_registry([(slot, make_component("odd", build_component))])
    with pytest.raises(ConfigurationError, match=message) as caught:
        build("learned", registry, **{slot: "odd"})
    assert "\n" not in str(caught.value)


@pytest.fixture
def odd(
    build: Callable[..., BuiltSystem],
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Component[Any]],
) -> BuiltSystem:
    """A system with a prior that has a part in evaluation mode, and a tensor that is no part of its state."""
    registry = make_registry([("prior", make_component("odd", lambda options, context: OddPrior(context.code_dim)))])
    return build("aae", registry, prior="odd")


def test_a_part_that_its_plugin_keeps_in_evaluation_mode_stays_so(odd: BuiltSystem) -> None:
    assert odd.prior.training
    assert not odd.prior.layer[0].training
    assert odd.prior.layer[1].training


def test_the_prior_gets_the_code_generator_of_the_configuration(build: Callable[..., BuiltSystem]) -> None:
    system = build("learned", prior={"noise_dim": 7}, code_generator={"name": "mlp", "hidden": 11})
    assert system.prior.noise(2).shape == (2, 7)
    assert {tuple(weight.shape) for weight in system.prior.parameters()} >= {(11, 7), (4, 11)}


@pytest.mark.parametrize("channels_last", [True, False])
def test_everything_moves_to_the_device(
    channels_last: bool, odd: BuiltSystem, build: Callable[..., BuiltSystem]
) -> None:
    for system in (build("learned", networks={"name": "residual", "width": 2}), build("vae"), odd):
        system.to(torch.device("meta"), channels_last=channels_last)
        for name, module in system.modules().items():
            tensors = [*module.parameters(), *module.buffers()]
            assert {tensor.device.type for tensor in tensors} == {"meta"}, name
        assert {buffer.device.type for buffer in system.prior.buffers()} <= {"meta"}


def test_a_prior_without_a_state_moves_too(
    build: Callable[..., BuiltSystem],
    make_registry: Callable[..., Registry],
    make_component: Callable[..., Component[Any]],
) -> None:
    class Stateless(OddPrior):
        def __init__(self, code_dim: int) -> None:
            super().__init__(code_dim)
            del self.layer

    registry = make_registry([("prior", make_component("odd", lambda options, context: Stateless(context.code_dim)))])
    system = build("aae", registry, prior="odd")
    assert not system.prior.state_dict()
    system.to(torch.device("meta"), channels_last=False)
    assert system.prior.scale.device.type == "meta"


@pytest.mark.parametrize("channels_last", [True, False])
def test_convolutions_are_laid_out_as_asked(channels_last: bool, build: Callable[..., BuiltSystem]) -> None:
    system = build("learned", networks={"name": "residual", "width": 2})
    before = {key: value.clone() for key, value in system.state().items()}
    system.to(torch.device("cpu"), channels_last=channels_last)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    for network in (system.encoder, system.decoder, system.image_critic):
        kernels = [weight for weight in network.parameters() if weight.ndim == 4]
        assert kernels
        assert all(weight.is_contiguous(memory_format=layout) for weight in kernels)
    assert all(torch.equal(value, before[key]) for key, value in system.state().items())
