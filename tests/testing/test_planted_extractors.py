"""The checks of feature extractors find planted defects, in extractors without other defects."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.errors import DataError
from priorkit.interfaces import FeatureExtractor, Features, ImageData, ImageShape
from priorkit.plugins import ExtractorContext
from priorkit.testing import Case, Outcome, Situations, check_component
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.checks.extractor_texts import EXTRACTOR_TEXTS
from priorkit.testing.checks.extractors import EXTRACTORS
from priorkit.testing.conformance import run_check

SITUATIONS = Situations(shapes=(ImageShape(1, 16),), examples=2)


class Sound(FeatureExtractor):
    """Random features of a fixed seed, and two classes by brightness."""

    knows_labels = True

    def __init__(self, context: ExtractorContext) -> None:
        self.context = context
        self.network: nn.Module | None = None

    def prepare(self, data: ImageData) -> None:
        if data.train.labels is None:
            raise DataError("there are no labels")
        if self.network is None:
            self.network = self.make().eval()

    def make(self) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.layers()

    def layers(self) -> nn.Module:
        pixels = self.context.shape.channels * self.context.shape.size**2
        return nn.Sequential(nn.Flatten(), nn.Linear(pixels, 6), nn.ReLU())

    def pixels(self, images: Tensor) -> Tensor:
        return images.float() / 255

    @torch.no_grad()
    def extract(self, images: Tensor) -> Features:
        assert self.network is not None
        return self.finished(self.network(self.pixels(images)))

    def finished(self, features: Tensor) -> Features:
        return Features(features, self.probabilities(features[:, :2]))

    def probabilities(self, logits: Tensor) -> Tensor | None:
        return logits.softmax(1)

    def hashed(self) -> str:
        assert self.network is not None
        values = [weight.flatten().tolist() for weight in self.network.parameters()]
        return hashlib.sha256(str(values).encode()).hexdigest()[:16]

    def description(self) -> Mapping[str, Any]:
        return {"name": "sound", "weights": self.hashed(), "resolution": 16}


class WithoutClasses(Sound):
    knows_labels = False

    def prepare(self, data: ImageData) -> None:
        self.network = self.network or self.make().eval()

    def probabilities(self, logits: Tensor) -> Tensor | None:
        return None


class Reader(Sound):
    """A sound extractor whose features of texts are counts of letters."""

    reads_text = True

    def text_features(self, texts: Sequence[str]) -> Any:
        return torch.tensor([[float(text.count(letter)) for letter in "abdeik"] for text in texts])


class ReaderOfSixtyFourBits(Reader):
    def text_features(self, texts: Sequence[str]) -> Any:
        return super().text_features(texts).double()


class ReaderInAnotherSpace(Reader):
    def text_features(self, texts: Sequence[str]) -> Any:
        return super().text_features(texts)[:, :5]


class ReaderOfFeatures(Reader):
    def text_features(self, texts: Sequence[str]) -> Any:
        return Features(super().text_features(texts))


class ReaderOfMeans(Reader):
    def text_features(self, texts: Sequence[str]) -> Any:
        counts = super().text_features(texts)
        return counts / counts.sum(1, keepdim=True)


class ReaderOfBatches(Reader):
    def text_features(self, texts: Sequence[str]) -> Any:
        return super().text_features(texts) / max(map(len, texts))


class ReaderOfNothing(Reader):
    def text_features(self, texts: Sequence[str]) -> Any:
        return torch.ones(len(texts), 6)


class ClipWithoutTexts(Sound):
    is_clip = True


class Offline(Sound):
    """A sound extractor whose weights are not available for grey images, or not at all."""

    everywhere = False

    def prepare(self, data: ImageData) -> None:
        if self.everywhere or data.train.shape[0] == 1:
            raise DataError("the weights could not be downloaded")
        super().prepare(data)


class OfflineEverywhere(Offline):
    everywhere = True


class GlobalSeed(Sound):
    def make(self) -> nn.Module:
        torch.manual_seed(0)
        return self.layers()


class EachTime(Sound):
    def prepare(self, data: ImageData) -> None:
        super().prepare(data)
        assert self.network is not None
        with torch.no_grad():
            for weight in self.network.parameters():
                weight.mul_(1.1)


class Unseeded(Sound):
    def make(self) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.seed()
            return self.layers()


class HashOfTheName(Unseeded):
    def hashed(self) -> str:
        return "sound"


class Lacking(Sound):
    def description(self) -> Mapping[str, Any]:
        return {"name": "sound", "resolution": 16}


class Listed(Sound):
    def description(self) -> Mapping[str, Any]:
        return {**super().description(), "sizes": [16, 6]}


class Percent(Sound):
    def description(self) -> Mapping[str, Any]:
        return {**super().description(), "accuracy": 93.5}


class Counting(Sound):
    uses = 0

    def extract(self, images: Tensor) -> Features:
        self.uses += 1
        return super().extract(images)

    def description(self) -> Mapping[str, Any]:
        return {**super().description(), "uses": self.uses}


class FeaturesAlone(Sound):
    def extract(self, images: Tensor) -> Any:
        return super().extract(images).features


class Maps(Sound):
    def finished(self, features: Tensor) -> Features:
        return Features(features.view(-1, 6, 1, 1))


class Squeezed(Sound):
    def finished(self, features: Tensor) -> Features:
        return Features(features.squeeze(0))


class Doubles(Sound):
    def finished(self, features: Tensor) -> Features:
        return Features(features.double())


class Gradients(Sound):
    def extract(self, images: Tensor) -> Features:
        assert self.network is not None
        with torch.enable_grad():
            return Features(self.network(self.pixels(images)))


class Logarithms(Sound):
    def pixels(self, images: Tensor) -> Tensor:
        return (images.float() / 255).log()


class Standardised(Sound):
    def finished(self, features: Tensor) -> Features:
        return super().finished(features - features.mean(0))


class Training(Sound):
    def layers(self) -> nn.Module:
        return nn.Sequential(super().layers(), nn.BatchNorm1d(6, track_running_stats=False))

    @torch.no_grad()
    def extract(self, images: Tensor) -> Features:
        assert self.network is not None
        self.network.train(len(images) > 1)
        return super().extract(images)


class Constant(Sound):
    def finished(self, features: Tensor) -> Features:
        return super().finished(torch.ones_like(features))


class DividedTwice(Sound):
    def pixels(self, images: Tensor) -> Tensor:
        return (images // 255 // 255).float()


class Dropping(Sound):
    def finished(self, features: Tensor) -> Features:
        return super().finished(nn.functional.dropout(features))


class OwnDice(Sound):
    def finished(self, features: Tensor) -> Features:
        generator = torch.Generator()
        generator.seed()
        return super().finished(features + torch.rand(features.shape, generator=generator))


class InPlace(Sound):
    def pixels(self, images: Tensor) -> Tensor:
        images.bitwise_not_()
        return super().pixels(images)


class Logits(Sound):
    def probabilities(self, logits: Tensor) -> Tensor | None:
        return logits - 1


class OverTheBatch(Sound):
    def probabilities(self, logits: Tensor) -> Tensor | None:
        return logits.softmax(0)


class NoProbabilities(Sound):
    def probabilities(self, logits: Tensor) -> Tensor | None:
        return None


class OtherClasses(Sound):
    def probabilities(self, logits: Tensor) -> Tensor | None:
        return torch.cat([logits, logits], 1).softmax(1)


class LabelsUnguarded(Sound):
    def prepare(self, data: ImageData) -> None:
        int(data.train.labels.max())  # type: ignore[union-attr]
        super().prepare(data)


PLANTED = [
    ("prepares_once", GlobalSeed, ("global generator of torch", "fork_rng")),
    ("prepares_once", EachTime, ("a second `prepare`", "trained again in each call")),
    ("prepared_alike_next_time", Unseeded, ("of another instance is", "other random numbers")),
    ("prepared_alike_next_time", HashOfTheName, ("with the same description give different", "weights are random")),
    ("describes_itself", Lacking, ("'weights' of its description is None", "is missing")),
    ("describes_itself", Listed, ("neither texts nor numbers", "a list")),
    ("describes_itself", Percent, ("its accuracy is 93.5", "percent")),
    ("describes_itself", Counting, ("but after use", "a counter")),
    ("features_are_rows_of_numbers", FeaturesAlone, ("returns a Tensor, not Features", "tensor alone")),
    ("features_are_rows_of_numbers", Maps, (r"shape \(1, 6, 1, 1\)", "not flattened")),
    ("features_are_rows_of_numbers", Squeezed, (r"shape \(6,\)", "batch of one is squeezed")),
    ("features_are_rows_of_numbers", Doubles, ("torch.float64", r"\.float\(\)")),
    ("features_are_rows_of_numbers", Gradients, ("keep the graph", "gradients are recorded")),
    ("features_are_rows_of_numbers", Logarithms, ("infinite or not a number",)),
    ("images_are_independent", Standardised, ("when it is alone", "over the batch")),
    ("images_are_independent", Training, ("Expected more than 1 value", "training mode")),
    ("features_tell_images_apart", Constant, ("noise have the same features", "images are not used")),
    ("features_tell_images_apart", DividedTwice, ("have the same features", "as integers")),
    ("images_are_left_alone", Dropping, ("global generator of torch", "dropout")),
    ("images_are_left_alone", OwnDice, ("different features the second time", "training mode")),
    ("images_are_left_alone", InPlace, ("changes the given images", "in-place")),
    ("probabilities_add_up", Logits, ("a probability is -", "logits")),
    ("probabilities_add_up", OverTheBatch, ("add up to between", "over the batch")),
    ("labels_are_those_of_the_data", NoProbabilities, ("there are no probabilities", "left out")),
    ("labels_are_those_of_the_data", OtherClasses, ("4 classes and the data has 2", "another data set")),
    ("labels_are_those_of_the_data", LabelsUnguarded, ("AttributeError", "not checked")),
    ("texts_are_rows_of_numbers", ReaderOfSixtyFourBits, ("1 texts are torch.float64", r"\.float\(\)")),
    ("texts_are_rows_of_numbers", ReaderInAnotherSpace, ("texts have 5 features, but images 6", "one space")),
    ("texts_are_rows_of_numbers", ReaderOfFeatures, ("returns a Features, not a tensor", "as extract does")),
    ("texts_are_rows_of_numbers", ReaderOfMeans, ("infinite or not a number", "without a known word")),
    ("texts_are_rows_of_numbers", ClipWithoutTexts, ("is_clip is True, but reads_text is False", "set both")),
    ("texts_are_independent", ReaderOfBatches, ("when it is alone", "longest text of a batch")),
    ("texts_are_told_apart", ReaderOfNothing, ("have the same features", "cut to nothing")),
]


@pytest.mark.parametrize(("check", "build", "words"), PLANTED)
def test_planted_defects_are_found(
    check: str, build: Callable[[ExtractorContext], FeatureExtractor], words: tuple[str, ...]
) -> None:
    [found] = [item for item in CATALOGUE["extractor"].checks if item.name == check]
    result = run_check(Case("extractor", build, situations=SITUATIONS), found)
    assert result.outcome is Outcome.FAILED
    for word in words:
        assert re.search(word, str(result)), str(result)


def test_what_cannot_be_prepared_is_refused() -> None:
    both = Situations(shapes=(ImageShape(1, 16), ImageShape(3, 16)), examples=2)
    check_component(Case("extractor", Offline, situations=both)).raise_if_failed()
    report = check_component(Case("extractor", OfflineEverywhere, situations=both))
    [failed] = report.failed
    assert failed.check == "prepares_once"
    assert "the weights could not be downloaded" in failed.reason


def test_every_special_check_finds_something() -> None:
    assert {check for check, _, _ in PLANTED} == {check.name for check in (*EXTRACTORS, *EXTRACTOR_TEXTS)}


@pytest.mark.parametrize("build", [Sound, WithoutClasses, Reader])
def test_sound_extractors_pass(build: type[FeatureExtractor]) -> None:
    report = check_component(Case("extractor", build, situations=SITUATIONS))
    report.raise_if_failed()
    other = {"probabilities_add_up"} if build is WithoutClasses else set()
    if build is not Reader:
        other |= {"texts_are_rows_of_numbers", "texts_are_independent", "texts_are_told_apart"}
    assert {result.check for result in report.skipped} == {
        *other,
        "options_survive_a_file",
        "options_are_usable",
        "listing_imports_no_torch",
    }
