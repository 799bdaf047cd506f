"""Scores of models that are conditioned on texts, of painters that listen and one that does not."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.errors import ConfigurationError, DataError
from priorkit.evaluation import EvaluationSettings, Score, evaluate_model
from priorkit.evaluation.catalogue import choose_scores
from priorkit.evaluation.scorebook import Scorebook
from priorkit.evaluation.text_scores import NamedExtractor, prepare_matcher, score_texts
from priorkit.interfaces import Captions, FeatureExtractor, Features, ImageData, ImageSet, ImageShape

PAINTS = {"red": (220, 20, 30), "blue": (40, 60, 220), "yellow": (240, 220, 30), "white": (240, 240, 240)}
NAMES = list(PAINTS)
SIZE = 16


def paint(names: Sequence[str], seed: int) -> Tensor:
    """Pictures of one colour and some noise."""
    colours = torch.tensor([PAINTS[name] for name in names]).view(-1, 3, 1, 1)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randint(-15, 16, (len(names), 3, SIZE, SIZE), generator=generator)
    return (colours + noise).clamp(0, 255).to(torch.uint8)


def pictures(n: int, seed: int) -> ImageSet:
    names = [NAMES[index % 4] for index in range(n)]
    captions = Captions([(f"a {name} picture", f"this is {name}") for name in names])
    return ImageSet(paint(names, seed), torch.arange(n) % 4, captions=captions)


class Listens:
    """The condition: a colour is the vector of a text."""

    reads_text = True

    def __init__(self) -> None:
        self.encoded: list[list[str]] = []

    def reads(self, text: str) -> bool:
        return any(name in text for name in NAMES)

    def of_texts(self, texts: Sequence[str]) -> Tensor:
        assert all(map(self.reads, texts)), "the others would be refused"
        self.encoded.append(list(texts))
        return torch.stack([torch.tensor([float(name in text) for name in NAMES]) for text in texts])


class Painter:
    """A model that paints what it is told; or, if it is deaf, something else for everybody."""

    shape = ImageShape(3, SIZE)
    device = torch.device("cpu")

    def __init__(self, *, deaf: bool = False) -> None:
        self.deaf = deaf
        self.condition: Any = Listens()

    def codes(self, n: int, seed: int, condition: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return condition[torch.randperm(n, generator=generator)] if self.deaf else condition

    def decode(self, codes: Tensor, *, from_prior: bool) -> Tensor:
        assert from_prior
        return paint([NAMES[index] for index in codes.argmax(1).tolist()], 7) / 127.5 - 1


class Eye(FeatureExtractor):
    """Mean colours of pictures, and of the colours that texts name."""

    reads_text = is_clip = True

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def prepare(self, data: ImageData) -> None:
        if self.error is not None:
            # A new one each time: what it is called is told by the flag.
            raise type(self.error)(*self.error.args)

    def extract(self, images: Tensor) -> Features:
        return Features(images.expand(-1, 3, -1, -1).float().mean((2, 3)) / 127.5 - 1)

    def text_features(self, texts: Sequence[str]) -> Tensor:
        named = [next((name for name in NAMES if name in text), None) for text in texts]
        return torch.tensor([PAINTS[name] if name else (127, 127, 127) for name in named]) / 127.5 - 1

    def description(self) -> Mapping[str, str | int | float]:
        return {"name": "eye", "weights": "0", "resolution": SIZE}


DATA = ImageData(pictures(40, 0), pictures(40, 1), NAMES)


def scored(model: Any, data: ImageData = DATA, eye: Any = None, **changes: Any) -> dict[str, Score]:
    settings = EvaluationSettings(**{"samples": 200, **changes})
    book = Scorebook(choose_scores(["text"]), SIZE)
    seen_by = NamedExtractor(eye or Eye(), "eye")
    score_texts(book, model, data, seen_by, prepare_matcher(book, model, data, seen_by), settings)
    return {score.name: score for score in book.scores()}


@pytest.fixture(scope="module")
def good() -> dict[str, Score]:
    return scored(Painter())


@pytest.fixture(scope="module")
def deaf() -> dict[str, Score]:
    return scored(Painter(deaf=True))


def test_r_precision(good: dict[str, Score], deaf: dict[str, Score]) -> None:
    # Of 8 captions, the 2 that describe an image are no distractors of each other; ties are none.
    score = good["r-precision"]
    assert score.value == score.references["real images"] == 1.0
    assert score.references["chance"] == pytest.approx(1 / 7)
    assert "ranked among 7 captions (the data has no more); chance 0.143, real images 1" in score.note
    assert (score.samples, score.real) == (200, 40)
    assert deaf["r-precision"].value == pytest.approx(0.25, abs=0.1)
    assert score.as_data()["references"] == dict(score.references)


def test_clip_score(good: dict[str, Score]) -> None:
    score = good["clip-score"]
    assert score.value == pytest.approx(100, abs=1)
    assert score.references["real images"] == pytest.approx(100, abs=1)
    # No caption of another colour is the sample's own in other words.
    colours = torch.nn.functional.normalize(Eye().text_features(NAMES).double(), dim=1)
    cosines = 100 * (colours @ colours.T).clamp(min=0)
    expected = float(cosines[~torch.eye(4, dtype=torch.bool)].mean())
    assert score.references["captions of others"] == pytest.approx(expected, abs=4)


def test_kernel_distance_by_caption(good: dict[str, Score], deaf: dict[str, Score]) -> None:
    # Of all samples together, both are right: it is the classes that tell the two painters apart.
    score = good["caption-kernel-distance"]
    assert score.value == pytest.approx(0, abs=0.05)
    assert score.references["real images"] == pytest.approx(0, abs=0.05)
    assert score.references["other classes"] > 1
    assert deaf["caption-kernel-distance"].value is not None
    assert deaf["caption-kernel-distance"].value > 0.5
    assert score.note.startswith("mean of 4 of 4 classes, 5 images or more each")


def test_colour_agreement(good: dict[str, Score], deaf: dict[str, Score]) -> None:
    score = good["colour-agreement"]
    assert score.value == 1.0
    of_parts = {f"{name}, real images": 1.0 for name in NAMES}
    assert score.references == {"chance": 0.25, "real images": 1.0, **of_parts}
    assert score.parts == dict.fromkeys(NAMES, 1.0)
    assert score.note == "chance 0.25, real images 1; red 1.00, yellow 1.00, blue 1.00, white 1.00"
    assert deaf["colour-agreement"].value == pytest.approx(0.25, abs=0.12)


def test_without_labels_captions_are_compared() -> None:
    data = dataclasses.replace(DATA, test=dataclasses.replace(DATA.test, labels=None))
    score = scored(Painter(), data)["caption-kernel-distance"]
    assert score.note.startswith("mean of 8 of 8 captions")
    # The other caption of the same images is none to compare with.
    assert score.references["other captions"] > 1
    both = dataclasses.replace(data.test, captions=Captions([("a red one", "a blue one")] * 40))
    references = scored(Painter(), dataclasses.replace(data, test=both))["caption-kernel-distance"].references
    assert list(references) == ["real images"], "all images have both captions"
    few = dataclasses.replace(data, test=ImageSet(DATA.test.first(12), captions=DATA.test.captions[:12]))
    assert "fewer than 2 captions have 5 held-out images" in scored(Painter(), few)["caption-kernel-distance"].note


def test_captions_that_say_nothing_to_the_model_are_left_out() -> None:
    captions = Captions([*list(DATA.test.captions or ())[:-2], ("zebra",), ("gnu", "a red gnu")])
    data = dataclasses.replace(DATA, test=dataclasses.replace(DATA.test, captions=captions))
    score = scored(Painter(), data)["r-precision"]
    assert score.note.endswith("; 2 captions without a known word left out")
    assert score.real == 39
    none = dataclasses.replace(DATA.test, captions=Captions([(f"gnu {index}",) for index in range(40)]))
    assert "knows no word" in scored(Painter(), dataclasses.replace(DATA, test=none))["r-precision"].note


def test_captions_that_are_asked_for_are_encoded_once_and_no_others() -> None:
    captions = Captions([*(tuple(f"{name} number {n}" for name in NAMES) for n in range(39)), ("gnu", "red gnu")])
    data = dataclasses.replace(DATA, test=dataclasses.replace(DATA.test, captions=captions))
    painter = Painter()
    scored(painter, data, samples=10)
    (once,) = painter.condition.encoded
    assert len(once) == len(set(once)) <= 10


def test_mistakes_of_a_condition_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Listens, texts: Sequence[str]) -> Tensor:
        raise ValueError("shapes do not match")

    monkeypatch.setattr(Listens, "of_texts", broken)
    with pytest.raises(ValueError, match="shapes do not match"):
        scored(Painter())


def test_what_cannot_be_scored_has_a_reason() -> None:
    bare = dataclasses.replace(DATA, test=ImageSet(DATA.test.first(40)))
    assert {score.note for score in scored(Painter(), bare).values()} == {"the held-out images have no captions"}
    alike = dataclasses.replace(DATA.test, captions=Captions([("a red one",), ("One: a red",)] * 20))
    found = scored(Painter(), dataclasses.replace(DATA, test=alike))
    assert all("only one caption" in score.note for score in found.values())
    painter = Painter()
    painter.condition = None
    assert {score.note for score in scored(painter).values()} == {"the model is not conditioned on texts"}
    grey = ImageData(*(dataclasses.replace(part, images=part.first(40)[:, :1]) for part in (DATA.train, DATA.test)))
    assert scored(Painter(), grey)["colour-agreement"].note == "the images are grey"
    lost = scored(Painter(), eye=Eye(DataError("--extractor eye is closed")))
    assert lost["r-precision"].note == "--matcher eye is closed"
    assert lost["caption-kernel-distance"].note == "--extractor eye is closed"
    book = Scorebook(choose_scores(["text"]), SIZE)
    model: Any = Painter()
    score_texts(book, model, DATA, None, None, EvaluationSettings(samples=20))
    notes = {score.name: score.note for score in book.scores()}
    assert notes["r-precision"] == notes["clip-score"] == "there is no matcher of images and texts"
    assert notes["caption-kernel-distance"] == "there is no feature extractor"


def test_a_wrong_matcher_is_told_before_anything_is_computed() -> None:
    class Unused(Eye):
        def prepare(self, data: ImageData) -> None:
            raise AssertionError("minutes of work")

    settings = EvaluationSettings(scores=("frechet-distance", "r-precision"), samples=20)
    wrong = Eye(ConfigurationError("--extractor.model: there is no such folder"))
    model: Any = Painter()
    with pytest.raises(ConfigurationError, match=r"--matcher\.model: there is no such folder"):
        evaluate_model(model, DATA, Unused(), settings, matcher=wrong)


def test_matchers_that_are_no_clip_or_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Eye, "is_clip", False)
    found = scored(Painter())
    assert found["r-precision"].value == 1.0
    assert "'eye' is no CLIP model" in found["clip-score"].note
    monkeypatch.setattr(Eye, "reads_text", False)
    found = scored(Painter())
    assert found["r-precision"].note == found["clip-score"].note == "the matcher 'eye' reads no texts"
    assert found["colour-agreement"].value == 1.0
