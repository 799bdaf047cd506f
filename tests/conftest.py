"""Fixtures: a registry with small components for tests, tiny configurations, and several processes."""

import contextlib
import gc
import importlib
import multiprocessing
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pytest
import torch
from hypothesis import HealthCheck, settings
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from priorkit.config import RunConfig, merge_settings, resolve_config, validate_settings
from priorkit.data import load_data
from priorkit.errors import DataError
from priorkit.interfaces import (
    Captions,
    DataSource,
    ImageCritic,
    ImageData,
    ImageSet,
    ImageShape,
    Learning,
    Networks,
    Prior,
    StoredImages,
)
from priorkit.plugins import Component, Options
from priorkit.registry import LoadedPlugin, Registry, installed_plugins
from priorkit.training import Session

# Several threads do not speed up tensors as small as the tests', and slow tests down if processes share the processors.
torch.set_num_threads(1)
# The same holds for commands that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# pytest-xdist sets a terminal width, at which commands would wrap their output.
os.environ.pop("COLUMNS", None)
# No deadline: the time of an example depends on the load of the machine. Each run draws other examples, so a few are
# enough; `pytest --hypothesis-profile thorough` draws as many as hypothesis does by default.
settings.register_profile("thorough", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("tests", settings.get_profile("thorough"), max_examples=20)
settings.load_profile("tests")
# Modules and collected tests are many objects that are never garbage, but each full collection visits them: freezing
# them saves a tenth of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """Excludes all present objects from garbage collection, which starts here."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of tests that compare results with a record."""
    parser.addoption(
        "--record-losses", action="store_true", help="write the recorded losses of the recipes that are tested anew"
    )


class TinyOptions(Options):
    train: int = Field(20, ge=0, description="training images")
    test: int = Field(6, ge=0, description="held-out images")
    size: int = Field(16, description="height and width in pixels")
    channels: int = Field(1, description="1 or 3; in colour, the bar has a colour of its own")


class TinySource(DataSource):
    """Returns images with a bright bar at one of `size` positions, and some noise; always the same images."""

    def __init__(self, options: TinyOptions) -> None:
        self.options = options

    def load(self) -> ImageData:
        return ImageData(self._images(self.options.train, 1), self._images(self.options.test, 2), ("odd", "even"))

    def _images(self, n: int, seed: int) -> ImageSet:
        size = self.options.size
        generator = torch.Generator().manual_seed(seed)
        images = torch.randint(0, 60, (n, self.options.channels, size, size), generator=generator)
        places = torch.randint(size - 2, (n,), generator=generator)
        colours = torch.full((n, self.options.channels, 1, 1), 150)
        if self.options.channels == 3:
            colours = torch.randint(0, 195, colours.shape, generator=generator)
        for image, place, colour in zip(images, places.tolist(), colours, strict=True):
            image[:, :, place : place + 3] += colour
        # An embedding as of a description of the bar's position.
        described = torch.stack([places / size, (places / size - 0.5).square(), torch.ones(n)], dim=1)
        captions = Captions((f"a bar in row {place}", f"row {place}") for place in places.tolist())
        return ImageSet(images.to(torch.uint8), places % 2, embeddings=described, captions=captions)


class KeptImages(StoredImages):
    """Images in memory that behave like images on disk; those in `broken` cannot be read."""

    def __init__(self, pixels: Tensor, broken: Sequence[int] = ()) -> None:
        self.pixels = pixels
        self.broken = broken
        self.reads: list[int] = []

    @property
    def shape(self) -> tuple[int, int, int]:
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, indices: Tensor) -> Tensor:
        assert indices.dtype == torch.int64
        self.reads.append(len(indices))
        for index in indices.tolist():
            if index in self.broken:
                raise DataError(f"image {index} is broken")
        return self.pixels[indices]

    def fingerprint(self) -> str:
        return str(int((self.pixels.long() * torch.arange(self.pixels.numel()).view(self.pixels.shape)).sum()))


class NormedOptions(Options):
    hidden: int = Field(6, ge=1, description="width of the hidden layers")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the hidden units that are dropped")


class NormedCritic(ImageCritic):
    layers = 1

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        features: Tensor = self.trunk(image)
        return features

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        seen = features if condition is None else torch.cat([features, condition], dim=1)
        logits: Tensor = self.head(seen).flatten()
        return logits


class NormedNetworks(Networks):
    """Fully connected networks that all have batch norm, so that every pass may update statistics."""

    def __init__(self, shape: ImageShape, options: NormedOptions) -> None:
        super().__init__(shape)
        self.options = options
        self._pixels = shape.channels * shape.size**2

    def _hidden(self, inputs: int) -> list[nn.Module]:
        width = self.options.hidden
        dropout = [nn.Dropout(self.options.dropout)] if self.options.dropout else []
        # Norms come last: directly after a linear layer they would cancel its bias, and its gradient would be rounding.
        return [nn.Linear(inputs, width), nn.Tanh(), nn.BatchNorm1d(width), *dropout]

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), *self._hidden(self._pixels), nn.Linear(self.options.hidden, outputs))

    def decoder(self, code_dim: int) -> nn.Module:
        image = (self.shape.channels, self.shape.size, self.shape.size)
        output = nn.Linear(self.options.hidden, self._pixels)
        return nn.Sequential(*self._hidden(code_dim), output, nn.Tanh(), nn.Unflatten(1, image))

    def map_encoder(self, channels: int, size: int) -> nn.Module:
        return nn.Sequential(self.encoder(channels * size**2), nn.Unflatten(1, (channels, size, size)))

    def map_decoder(self, channels: int, size: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), self.decoder(channels * size**2))

    def image_critic(self, condition_dim: int = 0) -> ImageCritic:
        trunk = nn.Sequential(nn.Flatten(), *self._hidden(self._pixels))
        return NormedCritic(trunk, nn.Linear(self.options.hidden + condition_dim, 1))

    def recogniser(self, outputs: int) -> nn.Module:
        return nn.Linear(self.options.hidden, outputs)

    def code_critic(self, code_dim: int) -> nn.Module:
        return nn.Sequential(*self._hidden(code_dim), nn.Linear(self.options.hidden, 1), nn.Flatten(0))


class LocationPrior(Prior):
    """A normal distribution of unit variance whose mean is learned by likelihood."""

    learning = Learning.LIKELIHOOD
    has_density = True
    untrained: Tensor

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.mean = nn.Parameter(torch.full((code_dim,), 0.5))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + noise

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        log_density: Tensor = self.distribution().log_prob(code)
        return log_density

    def distribution(self) -> Independent:
        return Independent(Normal(self.mean, torch.ones_like(self.mean), validate_args=False), 1, validate_args=False)


def _component(name: str, build: Callable[[Any, Any], Any], options: type[Options] = Options) -> Component[Any]:
    return Component(name, options, build, summary=f"{name}, for tests", source="tests")


_COMPONENTS: tuple[tuple[str, Component[Any]], ...] = (
    ("dataset", _component("tiny", lambda options, context: TinySource(options), TinyOptions)),
    ("networks", _component("normed", lambda options, context: NormedNetworks(context.shape, options), NormedOptions)),
    ("prior", _component("location", lambda options, context: LocationPrior(context.code_dim))),
)

_TINY: dict[str, Any] = {
    "dataset": "tiny",
    "networks": "normed",
    "code_dim": 4,
    "batch_size": 6,
    "learning_rate": 0.01,
    "device": "cpu",
    "precision": "float32",
}


_SMALL: dict[tuple[str, str], dict[str, Any]] = {
    ("prior", "flow-matching"): {"hidden": 16},
    ("prior", "autoregressive"): {"layers": 1, "width": 16, "heads": 2},
    ("prior", "hierarchical-vampprior"): {"hidden": 16, "pseudo_inputs": 50},
    ("prior", "vampprior"): {"pseudo_inputs": 50},
    ("text_encoder", "gru"): {"dim": 8, "word_dim": 8, "hidden": 8},
}
"""Options that shrink components that are large by default."""

_LOSSES_FOR_SOME_NETWORKS = ("wasserstein-gp", "began")
"""Adversarial losses whose recipes keep their networks, because the losses need them."""


def _names_a(settings: Mapping[str, Any], slot: str, name: str) -> bool:
    chosen = settings.get(slot)
    return name == (chosen.get("name") if isinstance(chosen, Mapping) else chosen)


@pytest.fixture(scope="session")
def make_registry() -> Callable[..., Registry]:
    """Makes a registry of the built-in components, those above, and more: pairs of a slot and a component."""

    def make(more: Sequence[tuple[str, Component[Any]]] = ()) -> Registry:
        tests = LoadedPlugin("tests", "priorkit-tests", "1.0", (*_COMPONENTS, *more), ())
        return Registry([*installed_plugins().plugins, tests])

    return make


@pytest.fixture(scope="session")
def make_component() -> Callable[..., Component[Any]]:
    """Makes a component from a name, a `build` function and, optionally, a class of options."""
    return _component


@pytest.fixture(scope="session")
def kept_images() -> type[KeptImages]:
    """Makes stored images from a tensor and, optionally, the indices of images that cannot be read."""
    return KeptImages


@pytest.fixture(scope="session")
def registry(make_registry: Callable[..., Registry]) -> Registry:
    """The built-in components, and those above."""
    return make_registry()


@pytest.fixture(scope="session")
def tiny_config(registry: Registry) -> Callable[..., RunConfig]:
    """Makes the resolved configuration of a recipe, with tiny networks and data, and changes of single settings.

    With `own_sizes`, what a recipe has besides the networks of images is as large as it comes.
    """

    def make(
        recipe: str = "learned", registry: Registry = registry, *, own_sizes: bool = False, **changes: Any
    ) -> RunConfig:
        settings: Mapping[str, Any] = registry.recipe(recipe).settings
        # One class more than the tiny images have, so that the two cannot be confused.
        tiny = _TINY
        if _names_a(settings, "condition", "categorical"):
            # Continuous codes also use dimensions of the code.
            continuous = settings["condition"].get("continuous", 0)
            tiny = {**_TINY, "condition": {"classes": 3}, "code_dim": _TINY["code_dim"] + continuous}
        if _names_a(settings, "prior", "categorical"):
            tiny = {**tiny, "prior": {"classes": 2}, "encoder": {"classes": 2}}
        if any(_names_a(settings, "adversarial_loss", loss) for loss in _LOSSES_FOR_SOME_NETWORKS):
            tiny = {**tiny, "networks": {"width": 2}}
        if "code_size" in settings:
            tiny = {**tiny, "code_size": 2}
        for (slot, name), options in _SMALL.items():
            if _names_a(settings, slot, name) and not own_sizes:
                tiny = {**tiny, slot: options}
        if "stages" in settings:
            *former, last = settings["stages"]
            small = {"batch_size": _TINY["batch_size"]}
            tiny = {**tiny, "stages": [*({**stage, **small, "steps": 2} for stage in former), {**last, **small}]}
        for upper in (tiny, changes):
            settings = merge_settings(settings, upper)
        return resolve_config(validate_settings(settings), registry)

    return make


@pytest.fixture(scope="session")
def tiny_session(registry: Registry, tiny_config: Callable[..., RunConfig]) -> Callable[..., Session]:
    """Makes a session of a recipe, as `tiny_config` does."""

    def make(
        recipe: str = "learned", registry: Registry = registry, *, own_sizes: bool = False, **changes: Any
    ) -> Session:
        config = tiny_config(recipe, registry, own_sizes=own_sizes, **changes)
        return Session(config, registry, load_data(config, registry))

    return make


class _Work:
    """A call that runs when it is unpickled, so that a process need not import this module."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call[0], self.call[1:]


def _work(rank: int, count: int, port: int, answer: str, function: Callable[[], Any]) -> None:
    local = {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": count}
    os.environ.update(
        {name: str(value) for name, value in local.items()}, MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    torch.set_num_threads(1)
    try:
        result = function()
    except Exception as error:
        traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {error}"}
    torch.save(result, answer)


@pytest.fixture(scope="session")
def in_processes(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Any]]:
    """Calls a function in several processes, as torchrun would, and returns their results.

    An error in one of them is raised here, unless `errors` asks for its text in place of a result.

    They are forked from one that has done nothing but import, because autograd's threads do not survive forks. The
    function and what it refers to travel there by value.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cloudpickle", "priorkit.cli", "priorkit.runs", "torch.distributed"])

    def run(count: int, function: Callable[[], Any], *, errors: bool = False) -> list[Any]:
        for name in (__name__, function.__module__):
            cloudpickle.register_pickle_by_value(sys.modules[name])
        folder = tmp_path_factory.mktemp("answers")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        answers = [folder / str(rank) for rank in range(count)]
        processes = []
        for rank, answer in enumerate(answers):
            work = cloudpickle.dumps(_Work(_work, rank, count, port, str(answer), function))
            processes.append(context.Process(target=cloudpickle.loads, args=(work,)))
            processes[-1].start()
        for process in processes:
            process.join(120)
            assert process.exitcode == 0, f"a process has ended with {process.exitcode}"
        results = [torch.load(answer) for answer in answers]
        failed = [result["error"] for result in results if isinstance(result, dict) and "error" in result]
        assert errors or not failed, failed
        return [result["error"] if isinstance(result, dict) and "error" in result else result for result in results]

    return run


@pytest.fixture
def registrations(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str, str], Component[Any]]]:
    """The components registered during the test, by kind and name; they are removed afterwards."""
    kept: dict[tuple[str, str], Component[Any]] = {}
    monkeypatch.setattr("priorkit.registry.registration._registered", kept)
    monkeypatch.setattr("priorkit.registry.registry._registered", [])
    yield kept
    installed_plugins.cache_clear()


@contextlib.contextmanager
def scripts_of(folder: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Imports the scripts of a folder as modules, and removes them from `sys.modules` afterwards."""
    names = {path.stem for path in folder.glob("*.py")} - {"__main__"}
    assert not names & set(sys.modules)
    sys.path.insert(0, str(folder))
    yield importlib.import_module
    sys.path.remove(str(folder))
    for name in names & set(sys.modules):
        del sys.modules[name]


@pytest.fixture(scope="module")
def benchmark_module() -> Iterator[Callable[[str], ModuleType]]:
    """Imports modules of the benchmarks."""
    with scripts_of(Path(__file__).parent / "benchmarks") as module:
        yield module


@pytest.fixture(scope="module")
def gpu_module() -> Iterator[Callable[[str], ModuleType]]:
    """Imports modules of `python tests/gpu`."""
    with scripts_of(Path(__file__).parent / "gpu") as module:
        yield module
