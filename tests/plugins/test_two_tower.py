"""The feature extractor `two-tower`."""

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.errors import DataError
from priorkit.interfaces import Captions, FeatureExtractor, ImageData, ImageSet, ImageShape
from priorkit.plugins import ExtractorContext, PluginWarning
from priorkit_plugins.two_tower import TwoTowerOptions, priorkit_extractors
from priorkit_plugins.two_tower.network import word_tokens

COLOURS = ("red", "green", "blue")


def make(cache: Path, **options: Any) -> FeatureExtractor:
    (component,) = priorkit_extractors()
    chosen = TwoTowerOptions(**{"steps": 40, "width": 4, "dim": 16, "batch_size": 24, "learning_rate": 0.01, **options})
    return component.build(chosen, ExtractorContext(ImageShape(3, 16), cache, torch.device("cpu")))


def tints(n: int, seed: int) -> ImageSet:
    """Noise with a tint, which the captions name in two ways."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 120, (n, 3, 16, 16), generator=generator)
    tint = torch.arange(n) % 3
    images[torch.arange(n), tint] += 100
    names = [COLOURS[index] for index in tint.tolist()]
    captions = Captions([(f"a {name} picture", f"this is {name}")[: 1 + i % 2] for i, name in enumerate(names)])
    return ImageSet(images.to(torch.uint8), captions=captions)


@pytest.fixture(scope="module")
def data() -> ImageData:
    return ImageData(tints(96, 0), tints(30, 1))


def test_learns_which_captions_belong_to_which_images(data: ImageData, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    extractor = make(tmp_path)
    extractor.prepare(data)
    assert torch.equal(torch.random.get_rng_state(), state)
    images = torch.nn.functional.normalize(extractor.extract(data.test.first(30)).features, dim=1)
    texts = torch.nn.functional.normalize(extractor.text_features([f"this is {name}" for name in COLOURS]), dim=1)
    assert torch.equal((images @ texts.T).argmax(1), torch.arange(30) % 3)
    assert torch.equal(*extractor.text_features(["a red picture", "PICTURE: a red zygomorphic"])), (
        "a bag of known words"
    )


def test_it_is_trained_once(data: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, again, other = make(tmp_path, steps=2), make(tmp_path / "again", steps=2), make(tmp_path, steps=2, seed=1)
    for extractor in (first, again, other):
        extractor.prepare(data)
    assert first.description() == again.description() != other.description()
    changed = Captions([*list(data.train.captions or ())[:-1], ("another picture",)])
    third = make(tmp_path, steps=2)
    third.prepare(dataclasses.replace(data, train=dataclasses.replace(data.train, captions=changed)))
    assert len(list((tmp_path / "two-tower").iterdir())) == 3, "captions are part of the name"
    monkeypatch.setattr("priorkit_plugins.two_tower.extractor.train_towers", None)
    second = make(tmp_path, steps=2)
    # Held-out images decide nothing about the networks.
    second.prepare(dataclasses.replace(data, test=tints(6, 2)))
    assert second.description() == first.description()
    assert torch.equal(second.text_features(["a red"]), first.text_features(["a red"]))
    assert torch.equal(second.extract(data.test.first(3)).features, first.extract(data.test.first(3)).features)


def test_a_broken_file_is_replaced(data: ImageData, tmp_path: Path) -> None:
    first = make(tmp_path, steps=1)
    first.prepare(data)
    (file,) = (tmp_path / "two-tower").iterdir()
    file.write_bytes(b"no weights")
    again = make(tmp_path, steps=1)
    with pytest.warns(PluginWarning, match=r"the two-tower network in .* is broken \(.*it is trained again"):
        again.prepare(data)
    assert again.description() == first.description()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(tmp_path, steps=1).prepare(data)


def test_what_cannot_be_learned_from(data: ImageData, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="learns from captions of training images, and this data set has none"):
        make(tmp_path).prepare(dataclasses.replace(data, train=ImageSet(data.train.first(4))))
    one = ImageSet(data.train.first(1), captions=Captions([("a",)]))
    with pytest.raises(DataError, match="there is 1 training image"):
        make(tmp_path).prepare(dataclasses.replace(data, train=one))


def test_captions_of_the_same_words_are_no_negatives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[torch.Tensor] = []

    def spy(
        images: torch.Tensor, texts: torch.Tensor, matching: torch.Tensor, temperature: torch.Tensor
    ) -> torch.Tensor:
        shown.append(matching)
        return (images.sum() + texts.sum()) * temperature

    monkeypatch.setattr("priorkit_plugins.two_tower.training.contrastive_loss", spy)
    captions = Captions([("a red bird",), ("Bird: a red",), ("blue",), ("a bird", "blue")])
    train = ImageSet(tints(4, 0).first(4), captions=captions)
    make(tmp_path, steps=12).prepare(ImageData(train, tints(2, 1)))
    for matching in shown:
        assert matching.shape == (4, 4)
        assert matching.diagonal().all(), "a caption belongs to its own image"
        # Of the four images in any order, the first two match each other; the last matches the third's caption, and the
        # third its where "blue" is drawn.
        assert int(matching.sum()) in (7, 8)
    assert {int(matching.sum()) for matching in shown} == {7, 8}


def test_tokens_of_texts() -> None:
    numbers = {"red": 1, "bird": 2}
    assert word_tokens(["a red bird", "", "Bird!"], numbers).tolist() == [[1, 2], [0, 0], [2, 0]]
    assert word_tokens(["bird " * 100], numbers).shape == (1, 64)
