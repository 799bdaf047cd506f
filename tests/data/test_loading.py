import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.config import RunConfig, component_options, validate_settings
from priorkit.data import load_data
from priorkit.errors import ConfigurationError, DataError, UnknownComponentError
from priorkit.interfaces import DataSource, ImageData, ImageSet, ImageShape
from priorkit.plugins import Component, DataContext
from priorkit.registry import Registry


def test_loads_the_data_set_with_its_options(registry: Registry, tiny_config: Callable[..., RunConfig]) -> None:
    data = load_data(tiny_config(dataset={"train": 9, "test": 2}), registry)
    assert (len(data.train), len(data.test)) == (9, 2)
    assert data.shape == ImageShape(1, 16)
    assert data.notes == ()


def test_images_come_in_the_size_and_channels_asked_for(
    registry: Registry, tiny_config: Callable[..., RunConfig]
) -> None:
    data = load_data(tiny_config(dataset={"size": 20}, image_size=32, channels=3), registry)
    assert data.shape == ImageShape(3, 32)
    assert len(data.notes) == 2


def test_images_get_a_size_that_networks_take(registry: Registry, tiny_config: Callable[..., RunConfig]) -> None:
    assert load_data(tiny_config(dataset={"size": 20}), registry).shape == ImageShape(1, 32)


@pytest.mark.parametrize(("part", "number"), [("train", 0), ("train", 1), ("test", 0)])
def test_too_few_images_are_refused(
    part: str, number: int, registry: Registry, tiny_config: Callable[..., RunConfig]
) -> None:
    with pytest.raises(DataError, match=r"--dataset tiny: .*at least 2 training images and 1 held-out image"):
        load_data(tiny_config(dataset={part: number}), registry)


class Fixed(DataSource):
    def load(self) -> ImageData:
        images = ImageSet(torch.zeros(4, 1, 16, 16, dtype=torch.uint8))
        return ImageData(images, images)


@pytest.fixture
def with_dataset(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]]
) -> Callable[[Callable[[Any, Any], Any]], Registry]:
    """A registry with the data set `odd`."""
    return lambda build: make_registry([("dataset", make_component("odd", build))])


def test_the_source_is_told_what_the_configuration_says(
    with_dataset: Callable[..., Registry], tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[DataContext] = []

    def build(options: Any, context: DataContext) -> DataSource:
        told.append(context)
        return Fixed()

    registry = with_dataset(build)
    config = tiny_config(
        "vae", registry, dataset="odd", data_dir="/some/where", image_size=16, channels=3, holdout=0.25, seed=5
    )
    memory = {"never": sys.maxsize, "always": 0, "auto": 25 * 2**20}
    monkeypatch.setattr("priorkit.data.loading.free_memory", lambda: 100 * 2**20)
    for stream in memory:
        load_data(config.model_copy(update={"stream": stream}), registry)
    where = Path("/some/where").absolute()
    assert told == [
        DataContext(where, image_size=16, channels=3, holdout=0.25, seed=5, memory=value) for value in memory.values()
    ]


def test_what_is_no_source_is_the_plugins_mistake(
    with_dataset: Callable[..., Registry], tiny_config: Callable[..., RunConfig]
) -> None:
    registry = with_dataset(lambda options, context: [1, 2])
    with pytest.raises(ConfigurationError, match=r"--dataset odd: .* list, not a DataSource"):
        load_data(tiny_config("vae", registry, dataset="odd"), registry)


def test_unknown_data_sets_and_options_are_refused(registry: Registry) -> None:
    with pytest.raises(UnknownComponentError, match="did you mean 'tiny'"):
        load_data(validate_settings({"dataset": "tinny"}), registry)
    with pytest.raises(ConfigurationError, match=r"--dataset\.trian.*did you mean 'train'"):
        load_data(validate_settings({"dataset": {"name": "tiny", "trian": 3}}), registry)
    assert component_options(registry.get("dataset", "tiny"), {}).train == 20


@pytest.mark.parametrize("size", [8, 33, 100_000])
def test_a_size_that_networks_do_not_take_is_refused_before_images_are_made(
    size: int, with_dataset: Callable[..., Registry], tiny_config: Callable[..., RunConfig]
) -> None:
    def build(options: Any, context: DataContext) -> DataSource:
        raise AssertionError("too late")

    registry = with_dataset(build)
    with pytest.raises(ConfigurationError, match=f"16, 32, 64, 128 pixels wide, not {size}"):
        load_data(tiny_config("vae", registry, dataset="odd", image_size=size), registry)


class Failing(Fixed):
    def __init__(self, error: Exception) -> None:
        self.error = error

    def load(self) -> ImageData:
        raise self.error


@pytest.mark.parametrize("when", ["build", "load"])
def test_a_data_sets_complaint_of_values_names_the_data_set(
    when: str, with_dataset: Callable[..., Registry], tiny_config: Callable[..., RunConfig]
) -> None:
    def failing(error: Exception) -> Registry:
        def build(options: Any, context: DataContext) -> DataSource:
            if when == "build":
                raise error
            return Failing(error)

        return with_dataset(build)

    registry = failing(ValueError("images must be uint8"))
    with pytest.raises(DataError, match=r"^--dataset odd: images must be uint8$"):
        load_data(tiny_config("vae", registry, dataset="odd"), registry)
    registry = failing(ConfigurationError("say more"))
    with pytest.raises(ConfigurationError, match=r"^say more$"):
        load_data(tiny_config("vae", registry, dataset="odd"), registry)


def test_a_folder_that_would_be_ignored_is_refused(registry: Registry, tiny_config: Callable[..., RunConfig]) -> None:
    config = tiny_config(dataset="digits", data_dir="somewhere")
    with pytest.raises(ConfigurationError, match=r"--data-dir .*'digits' reads no folder; leave --data-dir out"):
        load_data(config, registry)


def test_classes_without_images_to_train_on_are_named(
    with_dataset: Callable[..., Registry], tiny_config: Callable[..., RunConfig]
) -> None:
    class Labelled(DataSource):
        def load(self) -> ImageData:
            pixels = torch.zeros(4, 1, 16, 16, dtype=torch.uint8)
            train = ImageSet(pixels, labels=torch.tensor([0, 0, 2, 2]))
            return ImageData(train, train, class_names=("cat", "dog", "owl", "emu"))

    registry = with_dataset(lambda _options, _context: Labelled())
    data = load_data(tiny_config(registry=registry, dataset="odd"), registry)
    assert "2 of 4 classes have no image to train on: dog, emu" in data.notes


@pytest.mark.parametrize(("low", "high", "said"), [(0, 9, True), (100, 131, True), (0, 32, False), (7, 7, False)])
def test_images_of_almost_one_shade_are_told_of(
    with_dataset: Callable[..., Registry], tiny_config: Callable[..., RunConfig], low: int, high: int, said: bool
) -> None:
    class Dark(DataSource):
        def load(self) -> ImageData:
            pixels = torch.full((4, 1, 16, 16), low, dtype=torch.uint8)
            pixels[:, :, 3:5] = high
            return ImageData(ImageSet(pixels), ImageSet(pixels))

    registry = with_dataset(lambda _options, _context: Dark())
    notes = load_data(tiny_config(registry=registry, dataset="odd"), registry).notes
    assert any(f"are from {low} to {high}, although 0 is black and 255 white" in note for note in notes) == said


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_images_that_do_not_fit_into_memory_are_to_blame_themselves(
    with_dataset: Callable[..., Registry], tiny_config: Callable[..., RunConfig], error: Exception
) -> None:
    class Large(DataSource):
        def load(self) -> ImageData:
            raise error

    registry = with_dataset(lambda _options, _context: Large())
    with pytest.raises(DataError, match=r"^--dataset odd: its images do not fit into memory; .*--stream always"):
        load_data(tiny_config(registry=registry, dataset="odd"), registry)
