"""The feature extractor `classifier`."""

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.errors import DataError
from priorkit.interfaces import FeatureExtractor, ImageData, ImageSet, ImageShape
from priorkit.plugins import ExtractorContext, PluginWarning
from priorkit_plugins.classifier import ClassifierOptions, priorkit_extractors
from priorkit_plugins.network_cache import cache_key, read_cached, write_cached

SHAPE = ImageShape(1, 16)


def make(cache: Path, shape: ImageShape = SHAPE, **options: Any) -> FeatureExtractor:
    (component,) = priorkit_extractors()
    assert component.name == "classifier"
    chosen = ClassifierOptions(**{"steps": 40, "width": 4, "learning_rate": 0.01, **options})
    return component.build(chosen, ExtractorContext(shape, cache, torch.device("cpu")))


def bars(n: int, seed: int, channels: int = 1, size: int = 16) -> ImageSet:
    """Images with a bright bar that lies (0) or stands (1)."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 60, (n, channels, size, size), generator=generator)
    labels = torch.arange(n) % 2
    for image, label in zip(images, labels.tolist(), strict=True):
        place = int(torch.randint(2, size - 4, (), generator=generator))
        (image if label else image.transpose(1, 2))[:, :, place : place + 2] += 150
    return ImageSet(images.to(torch.uint8), labels)


@pytest.fixture(scope="module")
def data() -> ImageData:
    return ImageData(bars(96, 0), bars(31, 1), ("lying", "standing"))


@pytest.fixture(scope="module")
def prepared(data: ImageData, tmp_path_factory: pytest.TempPathFactory) -> FeatureExtractor:
    extractor = make(tmp_path_factory.mktemp("cache"))
    extractor.prepare(data)
    return extractor


def tints(n: int, seed: int) -> ImageSet:
    """Noise in which red (0), green (1) or blue (2) is a little brighter; its grey levels say nothing."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 200, (n, 3, 16, 16), generator=generator)
    labels = torch.arange(n) % 3
    images[torch.arange(n), labels] += 40
    return ImageSet(images.to(torch.uint8), labels)


def weights(extractor: FeatureExtractor) -> str:
    return str(extractor.description()["weights"])


def test_learns_the_labels(prepared: FeatureExtractor, data: ImageData) -> None:
    found = prepared.extract(data.test.take(torch.arange(31)))
    assert found.features.shape == (31, 128)
    assert found.probabilities is not None
    torch.testing.assert_close(found.probabilities.sum(1), torch.ones(31))
    right = (found.probabilities.argmax(1) == data.test.labels).double().mean()
    assert right > 0.9
    described = prepared.description()
    assert described["accuracy"] == pytest.approx(float(right))
    assert described["name"] == "classifier"
    assert described["resolution"] == 16
    assert prepared.knows_labels
    assert not prepared.standard


def test_the_same_settings_give_the_same_network(prepared: FeatureExtractor, data: ImageData, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    again, other = make(tmp_path / "a"), make(tmp_path / "b", seed=1)
    again.prepare(data)
    other.prepare(data)
    assert weights(again) == weights(prepared) != weights(other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_it_is_trained_once(data: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(tmp_path)
    first.prepare(data)
    first.prepare(data)
    (file,) = (tmp_path / "classifier").iterdir()
    monkeypatch.setattr("priorkit_plugins.classifier.extractor.train_network", None)
    second = make(tmp_path)
    second.prepare(data)
    assert second.description() == first.description()
    images = data.test.take(torch.arange(5))
    assert torch.equal(second.extract(images).features, first.extract(images).features)
    assert list((tmp_path / "classifier").iterdir()) == [file]


@pytest.mark.parametrize("damage", [b"", b"no weights", None])
def test_a_broken_file_is_replaced(data: ImageData, tmp_path: Path, damage: bytes | None) -> None:
    first = make(tmp_path)
    first.prepare(data)
    (file,) = (tmp_path / "classifier").iterdir()
    whole = file.read_bytes()
    # Cut short, something else, or a bit that has turned.
    file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:] if damage is None else damage)
    again = make(tmp_path)
    with pytest.warns(PluginWarning, match=r"is broken \(.*it is trained again"):
        again.prepare(data)
    assert weights(again) == weights(first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(tmp_path).prepare(data)


def test_a_cache_that_cannot_be_written_is_a_warning(data: ImageData, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    extractor = make(tmp_path / "file")
    with pytest.warns(PluginWarning, match="PRIORKIT_CACHE names another folder"):
        extractor.prepare(data)
    assert extractor.extract(data.test.take(torch.arange(2))).features.shape == (2, 128)


def test_an_interrupted_training_leaves_nothing(
    data: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object, **keywords: object) -> None:
        Path(str(arguments[1])).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("priorkit_plugins.network_cache.save_file", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path).prepare(data)
    assert list((tmp_path / "classifier").iterdir()) == []


def test_what_it_was_trained_on_decides(data: ImageData, kept_images: Any) -> None:
    settings = {"epochs": 3}
    train, test = data.train, data.test
    keys = [
        cache_key(train, test, settings),
        cache_key(bars(96, 2), test, settings),
        cache_key(dataclasses.replace(train, labels=1 - train.labels), test, settings),
        cache_key(train, bars(31, 3), settings),
        cache_key(train, dataclasses.replace(test, labels=None), settings),
        cache_key(train, test, {"epochs": 4}),
        cache_key(ImageSet(kept_images(train.images), train.labels), test, settings),
    ]
    assert len(set(keys)) == len(keys)
    assert cache_key(bars(96, 0), bars(31, 1), settings) == keys[0]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert read_cached(tmp_path / "none") is None
    write_cached(tmp_path / "deep" / "some", {"a": torch.ones(2)}, {"note": "x"})
    found = read_cached(tmp_path / "deep" / "some")
    assert found is not None
    assert torch.equal(found[0]["a"], torch.ones(2))
    assert found[1]["note"] == "x"


def test_images_without_labels_are_refused(data: ImageData, tmp_path: Path) -> None:
    plain = dataclasses.replace(data, train=ImageSet(data.train.images))
    with pytest.raises(DataError, match="use --extractor inception, or --extractor torchscript"):
        make(tmp_path).prepare(plain)


def test_held_out_images_without_labels_give_no_accuracy(data: ImageData, tmp_path: Path) -> None:
    extractor = make(tmp_path, steps=1, epochs=1)
    extractor.prepare(dataclasses.replace(data, test=ImageSet(data.test.images)))
    assert "accuracy" not in extractor.description()


@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("architecture", ["plain", "residual"])
def test_every_size(architecture: str, channels: int, size: int, tmp_path: Path, kept_images: Any) -> None:
    train = bars(4, 0, channels, size)
    images = ImageData(ImageSet(kept_images(train.images), train.labels), bars(2, 1, channels, size))
    extractor = make(tmp_path, ImageShape(channels, size), architecture=architecture, steps=1, epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extractor.prepare(images)
    assert extractor.extract(images.test.take(torch.arange(2))).features.shape == (2, 128)


def test_colour_is_learned_by_the_residual_network(tmp_path: Path) -> None:
    data = ImageData(tints(192, 0), tints(60, 1), ("red", "green", "blue"))
    extractor = make(tmp_path, ImageShape(3, 16), steps=40)
    extractor.prepare(data)
    assert float(extractor.description()["accuracy"]) > 0.9
    found = extractor.extract(data.test.take(torch.arange(60)))
    assert found.features.isfinite().all()
    assert found.features.std(0).count_nonzero() > 10
    again = make(tmp_path / "again", ImageShape(3, 16), steps=40)
    again.prepare(data)
    assert weights(again) == weights(extractor)


def test_the_architecture_is_part_of_the_cached_name(data: ImageData, tmp_path: Path) -> None:
    for options in (
        {},
        {"architecture": "plain", "augment": "none"},
        {"architecture": "residual"},
        {"augment": "crop"},
    ):
        make(tmp_path, steps=1, epochs=1, **options).prepare(data)
    # What was chosen is the name: the first two are the same.
    assert len(list((tmp_path / "classifier").iterdir())) == 3


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_the_shortest_trainings(steps: int, tmp_path: Path) -> None:
    extractor = make(tmp_path, ImageShape(3, 16), steps=steps, epochs=1)
    extractor.prepare(ImageData(tints(6, 0), tints(3, 1), ("red", "green", "blue")))
    assert extractor.extract(tints(3, 1).take(torch.arange(3))).features.isfinite().all()
