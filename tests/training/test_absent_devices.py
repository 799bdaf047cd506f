"""Training steps on absent devices, with shapes alone.

The meta device does whole steps: anything that reads a value stops them. Fake CUDA tensors can go forward only, but
they know their device and refuse to be mixed with another's. Planted defects show that both find what they are for.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.config import RunConfig, merge_settings, resolve_config, validate_settings
from priorkit.data import DataSummary, to_float
from priorkit.data.batches import Batches
from priorkit.engine import AveragedNetworks, Engine, Precision, make_optimizer
from priorkit.errors import PluginError
from priorkit.interfaces import AdversarialLoss, Batch, CodeKind, ImageSet, ImageShape, Learning, Prior
from priorkit.models import BuiltSystem, build_system
from priorkit.plugins import Component
from priorkit.registry import Registry
from priorkit.testing.absent_devices import CUDA, META, MIXES_DEVICES, NEEDS_A_GPU, READS_VALUES, fake_cuda, move
from quick_choices import each_component

SHAPE, BATCH = ImageShape(3, 16), 16
COUNT = 100
"""Training images, for priors that read them during training."""


def training_images() -> ImageSet:
    return ImageSet(torch.zeros(COUNT, SHAPE.channels, SHAPE.size, SHAPE.size, dtype=torch.uint8))


DATA = DataSummary(
    SHAPE, classes=10, embedding_dim=5, train_count=COUNT, training_images=training_images, vocabulary=("a", "red")
)


def beside(system: BuiltSystem, device: torch.device) -> dict[str, Tensor]:
    """Returns what comes with the images: a condition from the data, and the images' indices."""
    indices = {"indices": torch.arange(BATCH, device=device)} if system.prior.leaves_out else {}
    condition = system.condition
    if condition is None or not condition.from_data:
        return indices
    if condition.reads_text:
        tokens = torch.ones(BATCH, 3, dtype=torch.int32, device=device)
        # Recurrent layers query the GPU, so they run only in the condition's own phase.
        vectors = torch.zeros(BATCH, condition.dim, device=device)
        return {"condition": vectors, "mismatched": vectors, "entries": tokens}
    labels = torch.zeros(BATCH, dtype=torch.int64, device=device)
    entries = labels if condition.from_labels else torch.zeros(BATCH, DATA.embedding_dim, device=device)
    vectors = condition.vectors(entries)
    return {"condition": vectors, "mismatched": vectors} if condition.mismatched else {"condition": vectors}


def config_of(recipe: str, registry: Registry, **changes: Any) -> RunConfig:
    """Returns a recipe with changes and few channels: more channels take longer, and change nothing about devices."""
    settings = merge_settings(registry.recipe(recipe).settings, changes)
    return resolve_config(validate_settings(merge_settings(settings, {"networks": {"width": 4}})), registry)


@pytest.fixture(autouse=True)
def unrehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips the trial run of a new system on the CPU, which reads values and takes half of the time."""
    monkeypatch.setattr("priorkit.models.compatibility.rehearse", lambda *arguments, **how: None)


def kept_codes(system: BuiltSystem, device: torch.device) -> Tensor:
    indices = system.codes.kind is CodeKind.INDICES
    return torch.zeros(BATCH, system.code_dim, dtype=torch.int64 if indices else torch.float32, device=device)


def whole_steps_on_the_meta_device(config: RunConfig, registry: Registry) -> None:
    """Batches, forward, backward, updates and averages, as a session does them."""
    system = build_system(config, registry, DATA)
    system.to(META, channels_last=True)
    networks = system.trained()
    engine = Engine(
        networks,
        {
            name: make_optimizer(
                "adam", network.parameters(), learning_rate=0.1, beta1=0.5, beta2=0.9, weight_decay=0.0
            )
            for name, network in networks.items()
        },
        system.stages[0].phases,
        precision=Precision(META, torch.float32),
        seed=0,
        clip_norm=config.clip_norm,
        simultaneous=config.simultaneous,
    )
    averages = AveragedNetworks(system.averaged(), 0.9)
    images = ImageSet(torch.zeros(BATCH, *SHAPE[:1], SHAPE.size, SHAPE.size, dtype=torch.uint8))
    batches = Batches(images, BATCH, seed=0, device=META, channels_last=True)
    for stage in system.stages:
        if stage.batch is Batch.ALL_CODES:
            continue  # its only step may read values
        engine.set_phases(stage.phases)
        for _ in range(2):
            pixels = batches.at(engine.images_seen)
            given = pixels if stage.batch is Batch.IMAGES else kept_codes(system, META)
            engine.step(given, conditions=beside(system, META))
            averages.update(stage.trains())
    for name, network in networks.items():
        states = [engine.optimizers[name].state[weight]["exp_avg"] for weight in network.parameters()]
        assert [state.shape for state in states] == [weight.shape for weight in network.parameters()]
        assert {state.device for state in states} == {META}


def passes_on_a_fake_gpu(config: RunConfig, registry: Registry) -> None:
    """Runs every phase's passes, on images converted on the device, and the averages; parts are built on the CPU."""
    with fake_cuda():
        system = build_system(config, registry, DATA)
        for module in system._all_modules().values():
            move(module, CUDA)
            for part in module.modules():
                if isinstance(part, AdversarialLoss):
                    part.has_penalty = False  # a penalty needs a backward pass
        averages = AveragedNetworks(system.averaged(), 0.9)
        pixels = torch.zeros(BATCH, *SHAPE[:1], SHAPE.size, SHAPE.size, dtype=torch.uint8, device=CUDA)
        images = to_float(pixels, channels_last=True)
        assert (images.device, images.dtype) == (CUDA, torch.float32)
        codes = kept_codes(system, CUDA)
        for phase in (item.phase for item in system.chosen if item.phase.batch is not Batch.ALL_CODES):
            noise = {**phase.noise(BATCH, None, CUDA), **beside(system, CUDA)}
            assert {name: value.device for name, value in noise.items()} == dict.fromkeys(noise, CUDA)
            try:
                for turn in phase.moves(images if phase.batch is Batch.IMAGES else codes, noise):
                    for name, term in turn.terms.items():
                        assert (term.device, term.dtype, term.shape) == (CUDA, torch.float32, ()), name
                        assert term.requires_grad, name
            except RuntimeError as error:
                # Calls that compute gradients need a real GPU; up to here, no devices were mixed.
                if not NEEDS_A_GPU.search(str(error)):
                    raise
        averages.update()


CHECKS = [whole_steps_on_the_meta_device, passes_on_a_fake_gpu]
Check = Callable[[RunConfig, Registry], None]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("recipe", each_component())
def test_recipes(recipe: str, check: Check, registry: Registry) -> None:
    if recipe in ("flow-vae", "probabilistic-autoencoder") and check is passes_on_a_fake_gpu:
        pytest.skip("zuko lays out its masks by their values when a flow is built, and fake tensors have none")
    check(config_of(recipe, registry), registry)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("recipe", ["learned", "learned-supervised", "aae-unsupervised"])
def test_steps_of_another_kind(recipe: str, check: Check, registry: Registry) -> None:
    changes = {"reconstructions_as_fakes": True, "simultaneous": True, "clip_norm": 1.0}
    check(config_of(recipe, registry, **changes), registry)


PENALTY = {"adversarial_loss": "wasserstein-gp", "networks": {"name": "dcgan", "critic_norm": "layer"}}
CHOICES: dict[str, tuple[str, dict[str, Any]]] = {
    "embedding": ("learned", {"condition": "embedding"}),
    "photograph": (
        "learned",
        {"condition": {"name": "categorical", "recovery": "self-labelled", "changes": "photograph"}},
    ),
    "mmd": ("aae", {"regularizer": "mmd"}),
    "sliced-wasserstein": ("aae", {"regularizer": "sliced-wasserstein"}),
    "ms-ssim": ("aae", {"loss": "ms-ssim"}),
    "learned-similarity": ("vae", {"loss": "learned-similarity"}),
    "hinge": ("learned", {"adversarial_loss": "hinge"}),
    "least-squares": ("learned", {"adversarial_loss": "least-squares"}),
    "wasserstein-gp": ("learned", PENALTY),
    "began": ("learned", {"adversarial_loss": "began", "networks": "began"}),
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("chosen", CHOICES)
def test_components_that_no_recipe_has(chosen: str, check: Check, registry: Registry) -> None:
    recipe, changes = CHOICES[chosen]
    check(config_of(recipe, registry, **changes), registry)


class Sound(Prior):
    """A prior without defects, to which subclasses add one."""

    learning = Learning.ADVERSARIAL

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.mean = nn.Parameter(torch.zeros(code_dim))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor) -> Tensor:
        return self.mean + noise


class MakesATensorOnTheCpu(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        return super().forward(noise) * torch.linspace(1, 2, self.code_dim, device="cpu")


class KeepsATensorThatIsNoBuffer(Sound):
    def __init__(self, code_dim: int) -> None:
        super().__init__(code_dim)
        self.scale = torch.linspace(1, 2, code_dim)

    def forward(self, noise: Tensor) -> Tensor:
        return super().forward(noise) * self.scale


class ReadsAValue(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        return super().forward(noise) * self.mean.square().sum().add(1).item()


class DecidesByValues(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        code = super().forward(noise)
        return code if noise.mean() > 0 else -code


class SelectsByValues(Sound):
    def forward(self, noise: Tensor) -> Tensor:
        code = super().forward(noise)
        return code + code[noise > 0].mean()


class DrawsElsewhere(Sound):
    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return super().noise(n, generator=generator)


def with_prior(prior: type[Prior], make_registry: Any, make_component: Any) -> tuple[RunConfig, Registry]:
    component: Component[Prior] = make_component("planted", lambda options, context: prior(context.code_dim))
    registry = make_registry([("prior", component)])
    return config_of("learned", registry, prior="planted"), registry


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_prior_passes(check: Check, make_registry: Any, make_component: Any) -> None:
    check(*with_prior(Sound, make_registry, make_component))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    ("prior", "found"),
    [
        (MakesATensorOnTheCpu, MIXES_DEVICES),
        (KeepsATensorThatIsNoBuffer, MIXES_DEVICES),
        (DrawsElsewhere, re.compile(f"{MIXES_DEVICES.pattern}|{{'prior': device")),
        (ReadsAValue, READS_VALUES),
        (DecidesByValues, READS_VALUES),
        (SelectsByValues, READS_VALUES),
    ],
)
def test_planted_defects_are_found(
    prior: type[Prior], found: re.Pattern[str], check: Check, make_registry: Any, make_component: Any
) -> None:
    # The error of a whole training names the plug-in.
    with pytest.raises((RuntimeError, AssertionError, NotImplementedError, PluginError), match=found):
        check(*with_prior(prior, make_registry, make_component))
