"""The checks of data sets find planted defects, in data sets without other defects."""

import functools
import hashlib
import math
import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import Captions, DataSource, ImageData, ImageSet, ImageShape, StoredImages
from priorkit.plugins import DataContext
from priorkit.testing import Case, Outcome, Situations, check_component
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.checks.datasets import DATASETS
from priorkit.testing.checks.holdouts import HOLDOUTS
from priorkit.testing.checks.stored_images import STORED_IMAGES
from priorkit.testing.conformance import run_check

COUNT, SIZE = 20, 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes grey images as files of raw pixels, followed by some bytes; the first digit of a name is the class."""
    root = tmp_path_factory.mktemp("data") / "images"
    root.mkdir()
    generator = torch.Generator().manual_seed(0)
    for index in range(COUNT):
        pixels = torch.randint(0, 256, (SIZE * SIZE,), generator=generator, dtype=torch.uint8)
        (root / f"{index % 2}-{index:02}.raw").write_bytes(bytes(pixels.tolist()) + bytes(index))
    return root


def read_raw(path: Path) -> Tensor:
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)[: SIZE * SIZE].view(1, SIZE, SIZE)


class Files(StoredImages):
    """Sound images on disk."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    @property
    def shape(self) -> tuple[int, int, int]:
        return 1, SIZE, SIZE

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Tensor) -> Tensor:
        pixels = torch.zeros(len(indices), *self.shape, dtype=torch.uint8)
        for row, index in enumerate(indices.tolist()):
            pixels[row] = read_raw(self.paths[index])
        return pixels

    def fingerprint(self) -> str:
        named = [f"{path.name} {path.stat().st_size}" for path in self.paths]
        return hashlib.sha256(" ".join(named).encode()).hexdigest()[:16]


class Source(DataSource):
    """A sound data set that holds out random images."""

    files: type[Files] = Files

    def __init__(self, context: DataContext) -> None:
        self.context = context

    def paths(self) -> list[Path]:
        root = self.context.data_dir
        if root is None or not root.is_dir():
            raise DataError(f"there is no folder {root}: let --data-dir name a folder of .raw files")
        return sorted(root.glob("*.raw"))

    def split(self, count: int) -> tuple[list[int], list[int]]:
        order = torch.randperm(count, generator=torch.Generator().manual_seed(self.context.seed)).tolist()
        held = max(1, round(self.context.holdout * count))
        return sorted(order[held:]), sorted(order[:held])

    def labels(self, paths: list[Path]) -> Tensor | None:
        return torch.tensor([int(path.name[0]) for path in paths], dtype=torch.int64)

    def images(self, files: Files) -> Tensor | StoredImages:
        return files if self.context.memory < 10_000 else files.read(torch.arange(len(files)))

    def fingerprint(self, files: Files) -> str | None:
        return files.fingerprint() if self.context.memory >= 10_000 else None

    def load(self) -> ImageData:
        paths = self.paths()
        parts = []
        for indices in self.split(len(paths)):
            chosen = [paths[index] for index in indices]
            files = self.files(chosen)
            parts.append(ImageSet(self.images(files), self.labels(chosen), self.fingerprint(files)))
        return self.finished(ImageData(*parts, class_names=("even", "odd"), notes=("some images are held out",)))

    def finished(self, data: ImageData) -> ImageData:
        return data


class Generated(Source):
    """A sound data set of RGB images without files, with its own test set."""

    reads_data_dir = False

    def load(self) -> ImageData:
        generator = torch.Generator().manual_seed(0)
        side = self.context.image_size or 24
        parts = [torch.randint(0, 256, (n, 3, side, side), generator=generator, dtype=torch.uint8) for n in (9, 4)]
        return self.finished(ImageData(*map(ImageSet, parts)))


def changing(base: type[Source], **fields: Callable[[ImageData], Any]) -> type[Source]:
    """Returns a data set in which attributes are replaced after loading."""

    class Changed(base):  # type: ignore[misc, valid-type]
        def finished(self, data: ImageData) -> ImageData:
            return replace(data, **{name: change(data) for name, change in fields.items()})

    return Changed


def with_files(files: type[Files]) -> type[Source]:
    """Returns a data set whose images on disk have a defect."""
    return type("Stored", (Source,), {"files": files})


def on_pixels(change: Callable[[Tensor], Tensor]) -> Callable[[ImageData], ImageSet]:
    def changed(data: ImageData) -> ImageSet:
        train = data.train
        return replace(train, images=change(train.take(torch.arange(len(train)))), fingerprint=None)

    return changed


class NoImageData(Source):
    def load(self) -> Any:
        return super().load().train


class Stratified(Source):
    """A sound split by class, which rounds up in each class."""

    def split(self, count: int) -> tuple[list[int], list[int]]:
        order = torch.randperm(count, generator=torch.Generator().manual_seed(self.context.seed)).tolist()
        held: list[int] = []
        for label in range(2):
            of_class = [index for index in order if index % 2 == label]
            held += of_class[: math.ceil(self.context.holdout * len(of_class) + 0.9)]
        return sorted(set(order) - set(held)), sorted(held)


class NextLarger(Generated):
    """A sound data set that exists in some sizes, and returns the next larger size."""

    def __init__(self, context: DataContext) -> None:
        size = context.image_size and next(size for size in (20, 40, 80) if size >= context.image_size)
        super().__init__(replace(context, image_size=size))


class NothingHeldOut(Source):
    def split(self, count: int) -> tuple[list[int], list[int]]:
        return list(range(count)), []


class Shuffled(Source):
    def split(self, count: int) -> tuple[list[int], list[int]]:
        order = torch.randperm(count).tolist()
        return order[2:], order[:2]


class PythonShuffled(Source):
    def paths(self) -> list[Path]:
        paths = super().paths()
        random.shuffle(paths)
        return paths


class RandomWithoutGlobals(Source):
    def split(self, count: int) -> tuple[list[int], list[int]]:
        order = random.Random(os.urandom(8)).sample(range(count), count)
        return order[2:], order[:2]


class ChangesWhatItKeeps(Source):
    @functools.cached_property
    def kept(self) -> Tensor:
        return torch.cat([read_raw(path) for path in super().paths()])[:, None]

    def load(self) -> ImageData:
        self.kept.bitwise_not_()
        return ImageData(ImageSet(self.kept[2:].clone()), ImageSet(self.kept[:2].clone()))


class OpensAnyhow(Source):
    def paths(self) -> list[Path]:
        assert self.context.data_dir is not None
        return sorted(self.context.data_dir.iterdir())


class NamesNothing(Source):
    def paths(self) -> list[Path]:
        try:
            return super().paths()
        except DataError:
            raise DataError("the images are missing") from None


class LooksElsewhere(Generated):
    reads_data_dir = True


class SaysThatItReadsNothing(Source):
    reads_data_dir = False


class TwoLines(Source):
    def paths(self) -> list[Path]:
        try:
            return super().paths()
        except DataError as error:
            raise DataError(f"{error}\nSee the manual.") from None


class HalfTheSize(Generated):
    def __init__(self, context: DataContext) -> None:
        super().__init__(replace(context, image_size=context.image_size and context.image_size // 2))


class SizeAsChannels(Generated):
    def finished(self, data: ImageData) -> ImageData:
        if self.context.channels is None:
            return data
        shown = [
            ImageSet(part.first(len(part)).float().mean(1, keepdim=True).byte()) for part in (data.train, data.test)
        ]
        return ImageData(*shown) if self.context.channels == 3 else data


class ShareUnread(Source):
    def __init__(self, context: DataContext) -> None:
        super().__init__(replace(context, holdout=0.2))


class SeedUnread(Source):
    def __init__(self, context: DataContext) -> None:
        super().__init__(replace(context, seed=0))


class ShareToTrainOn(Source):
    def split(self, count: int) -> tuple[list[int], list[int]]:
        return super().split(count)[::-1]


class TrainsOnHeldOut(Source):
    def split(self, count: int) -> tuple[list[int], list[int]]:
        return list(range(count)), super().split(count)[1]


class DrawsWithReplacement(Source):
    def split(self, count: int) -> tuple[list[int], list[int]]:
        train, test = super().split(count)
        drawn = torch.randint(count, (len(test),), generator=torch.Generator().manual_seed(self.context.seed))
        return train, drawn.tolist()


class LabelsInTheOldOrder(Source):
    def finished(self, data: ImageData) -> ImageData:
        labels = torch.arange(COUNT) % 2
        held = len(data.test)
        return replace(
            data, train=replace(data.train, labels=labels[held:]), test=replace(data.test, labels=labels[:held])
        )


class CountsFromOne(Source):
    def labels(self, paths: list[Path]) -> Tensor | None:
        found = super().labels(paths)
        return None if found is None else found + 1


class LabelsOfTheNext(Source):
    def labels(self, paths: list[Path]) -> Tensor | None:
        found = super().labels(paths)
        return None if found is None else found.roll(-1)


class Captioned(Source):
    """A sound data set with one or two captions for each image."""

    def texts(self, count: int) -> list[tuple[str, ...]]:
        return [(f"image {index}", "an odd one")[: 1 + index % 2] for index in range(count)]

    def finished(self, data: ImageData) -> ImageData:
        count = len(data.train) + len(data.test)
        captions = Captions(self.texts(count))
        train, test = (
            replace(part, captions=captions.take(torch.tensor(indices, dtype=torch.int64)))
            for part, indices in zip((data.train, data.test), self.split(count), strict=True)
        )
        return replace(data, train=train, test=test)


class CaptionsOfTrainingImages(Captioned):
    def finished(self, data: ImageData) -> ImageData:
        return replace(data, train=super().finished(data).train)


class LinesWithTheirEnds(Captioned):
    def texts(self, count: int) -> list[tuple[str, ...]]:
        return [tuple(f"{text}\n" for text in texts) for texts in super().texts(count)]


class CaptionsInAnyOrder(Captioned):
    def texts(self, count: int) -> list[tuple[str, ...]]:
        return random.Random(os.urandom(8)).sample(super().texts(count), count)


class CaptionsInTheOldOrder(Captioned):
    def finished(self, data: ImageData) -> ImageData:
        captions, held = Captions(self.texts(COUNT)), len(data.test)
        return replace(
            data, train=replace(data.train, captions=captions[held:]), test=replace(data.test, captions=captions[:held])
        )


class CaptionsOfTheNext(Captioned):
    def finished(self, data: ImageData) -> ImageData:
        def moved(part: ImageSet) -> ImageSet:
            assert part.captions is not None
            return replace(part, captions=part.captions.take(torch.arange(len(part)).roll(-1)))

        found = super().finished(data)
        return replace(found, train=moved(found.train), test=moved(found.test))


class NoCaptionsOnDisk(Captioned):
    def finished(self, data: ImageData) -> ImageData:
        return data if self.context.memory < 10_000 else super().finished(data)


class SoundWithAnUnusedClass(CountsFromOne):
    """A sound data set whose images show two of three classes."""

    def finished(self, data: ImageData) -> ImageData:
        return replace(data, class_names=("neither", "even", "odd"))


class HoldsOutTrainingImages(Generated):
    def finished(self, data: ImageData) -> ImageData:
        return replace(data, test=ImageSet(data.train.first(4)))


class NeverInMemory(Source):
    def images(self, files: Files) -> Tensor | StoredImages:
        return files

    def fingerprint(self, files: Files) -> str | None:
        return None


class OtherInMemory(Source):
    def images(self, files: Files) -> Tensor | StoredImages:
        found = super().images(files)
        return found.flip(3) if isinstance(found, Tensor) else found


class NoFingerprintInMemory(Source):
    def fingerprint(self, files: Files) -> str | None:
        return None


class OtherLabels(Source):
    def labels(self, paths: list[Path]) -> Tensor | None:
        found = super().labels(paths)
        return None if self.context.memory < 10_000 else found


class Sorted(Files):
    def read(self, indices: Tensor) -> Tensor:
        return super().read(indices.sort().values)


class SqueezesOne(Files):
    def read(self, indices: Tensor) -> Tensor:
        return super().read(indices).squeeze(0)


class StacksNone(Files):
    def read(self, indices: Tensor) -> Tensor:
        return torch.stack([read_raw(self.paths[index]) for index in indices.tolist()])


class Opened(Files):
    def __init__(self, paths: list[Path]) -> None:
        super().__init__(paths)
        self.file: BinaryIO = paths[0].open("rb")


class Reopened(Opened):
    def __getstate__(self) -> list[Path]:
        return self.paths

    def __setstate__(self, state: list[Path]) -> None:
        self.paths = state


class Caching(Files):
    def __init__(self, paths: list[Path]) -> None:
        super().__init__(paths)
        self.cache: dict[int, Tensor] = {}

    def read(self, indices: Tensor) -> Tensor:
        for index in indices.tolist():
            self.cache[index] = read_raw(self.paths[index])
        return super().read(indices)


class AbsolutePaths(Files):
    def fingerprint(self) -> str:
        return hashlib.sha256(str(self.paths).encode()).hexdigest()


class Times(Files):
    def fingerprint(self) -> str:
        return " ".join(f"{path.name} {path.stat().st_mtime}" for path in self.paths)


class OfTheFolder(Files):
    def fingerprint(self) -> str:
        return " ".join(sorted(path.name for path in self.paths[0].parent.iterdir()))


class NamesAlone(Files):
    def fingerprint(self) -> str:
        return " ".join(path.name for path in self.paths)


class CountAlone(Files):
    def fingerprint(self) -> str:
        return str(len(self.paths))


class Address(Files):
    def fingerprint(self) -> str:
        return f"{id(self.paths)} {os.urandom(4).hex()}"


class NoText(Files):
    def fingerprint(self) -> Any:
        return len(self.paths)


def sentence(note: str) -> Callable[[ImageData], tuple[str, ...]]:
    return lambda data: (note,)


PLANTED = [
    ("two_sets_of_one_shape", NoImageData, ("returns a ImageSet, not ImageData", "torch data set")),
    ("two_sets_of_one_shape", NothingHeldOut, ("20 training and 0 held-out", "at least one")),
    (
        "two_sets_of_one_shape",
        changing(Source, train=on_pixels(lambda x: x[..., 1:])),
        ("but held-out images", "prepared differently"),
    ),
    ("pixels_use_their_range", changing(Source, train=on_pixels(lambda x: x // 255)), ("from 0 to 1", r"in \[0, 1\]")),
    ("pixels_use_their_range", changing(Source, train=on_pixels(lambda x: x | 255)), ("are 255", "scaled wrongly")),
    ("labels_have_names", changing(Source, class_names=lambda data: "even"), ("counts as 4 names", "comma")),
    ("labels_have_names", changing(Source, class_names=lambda data: (0, 1)), ("not all non-empty texts", "numbers")),
    ("labels_have_names", changing(Source, class_names=lambda data: ("a", "a")), ("more than once", "not unique")),
    ("labels_have_names", changing(Source, class_names=lambda data: ("even",)), ("1 class names", "missing")),
    (
        "labels_have_names",
        CountsFromOne,
        ("labels go from 1 to 2: no image has the label 0; there are 2 class names", "numbered from 1", "subtract"),
    ),
    (
        "labels_have_names",
        changing(CountsFromOne, class_names=lambda data: ()),
        ("labels go from 1 to 2: no image has the label 0 ", "numbered from 1"),
    ),
    (
        "labels_have_names",
        changing(
            Source,
            train=lambda data: replace(data.train, labels=None),
            test=lambda data: replace(data.test, labels=None),
        ),
        ("2 class names, but no labels", "missing in the ImageSet"),
    ),
    ("notes_are_sentences", changing(Source, notes=lambda data: "a note"), ("each letter", "comma")),
    ("notes_are_sentences", changing(Source, notes=sentence("two\nlines")), ("a note is", "several lines")),
    ("notes_are_sentences", changing(Source, notes=sentence("some are resized\n")), ("a note is", "line break")),
    ("notes_are_sentences", changing(Source, notes=sentence("resized")), ("a note is", "is a word")),
    ("captions_are_whole", CaptionsOfTrainingImages, ("held-out images have no captions", "one of the two sets")),
    ("captions_are_whole", LinesWithTheirEnds, (r"training image 0 has white space .*\['image 0", "with line breaks")),
    ("loads_the_same_again", CaptionsInAnyOrder, ("captions of training images", "differ")),
    ("loads_the_same_again", Shuffled, ("global generator of torch", "context.seed")),
    ("loads_the_same_again", PythonShuffled, ("global generator of Python's random", "context.seed")),
    ("loads_the_same_again", RandomWithoutGlobals, ("training images", "differ")),
    ("loads_the_same_again", ChangesWhatItKeeps, ("second call of `load`", "changes something that it keeps")),
    ("missing_data_is_named", OpensAnyhow, ("NotADirectoryError", "is not caught")),
    ("missing_data_is_named", NamesNothing, ("does not name it", "does not contain the path")),
    ("missing_data_is_named", LooksElsewhere, ("loads although", "data_dir is ignored")),
    ("missing_data_is_named", SaysThatItReadsNothing, ("reads_data_dir is False", "leave reads_data_dir True")),
    ("missing_data_is_named", TwoLines, ("has 2 lines",)),
    ("wishes_are_met_or_left", HalfTheSize, (r"height and width are \(8, 8\) when \(16, 16\) is requested",)),
    ("wishes_are_met_or_left", SizeAsChannels, (r"channels are \(1,\) when \(3,\) is requested", "another purpose")),
    ("held_out_images_follow_the_context", ShareUnread, ("hold out 4 images", "holdout is ignored")),
    ("held_out_images_follow_the_context", SeedUnread, ("seeds hold out the same", "seed is ignored")),
    ("held_out_images_follow_the_context", ShareToTrainOn, ("16 of 20 images", "share of training images")),
    ("held_out_images_follow_the_context", TrainsOnHeldOut, ("there are 24 images", "also in the training set")),
    ("held_out_images_follow_the_context", DrawsWithReplacement, ("not the same images with seed", "in both sets")),
    (
        "held_out_images_follow_the_context",
        LabelsInTheOldOrder,
        ("images have other labels", "embeddings or captions are not"),
    ),
    (
        "held_out_images_follow_the_context",
        LabelsOfTheNext,
        ("the same after a shift by one place", "shifted against images by one"),
    ),
    (
        "held_out_images_follow_the_context",
        CaptionsInTheOldOrder,
        ("images have other labels, embeddings or captions than", "images are permuted"),
    ),
    (
        "held_out_images_follow_the_context",
        CaptionsOfTheNext,
        ("the same after a shift by one place", "shifted against images by one"),
    ),
    ("held_out_images_follow_the_context", HoldsOutTrainingImages, ("4 of 4 held-out images", "same files")),
    ("memory_changes_no_pixel", NeverInMemory, ("images stay on disk", "memory is ignored")),
    ("memory_changes_no_pixel", OtherInMemory, ("on disk differ", "prepare or order images differently")),
    ("memory_changes_no_pixel", NoFingerprintInMemory, ("the fingerprint None", "without the fingerprint")),
    ("memory_changes_no_pixel", OtherLabels, ("labels of training images on disk differ",)),
    ("memory_changes_no_pixel", NoCaptionsOnDisk, ("captions of training images on disk differ",)),
    ("reads_in_any_order", with_files(Sorted), ("returns other images than", "sorted")),
    ("reads_in_any_order", with_files(SqueezesOne), ("expected uint8 of shape", "a single image is not a batch")),
    ("reads_in_any_order", with_files(StacksNone), ("expects a non-empty",)),
    ("stored_images_travel", with_files(Opened), ("cannot be pickled", "open file")),
    ("stored_images_travel", with_files(Reopened), ("is still open", "constructor")),
    ("stored_images_travel", with_files(Caching), ("reading changes the object", "a cache")),
    ("fingerprints_tell_images_apart", with_files(AbsolutePaths), ("a copy of the files", "absolute paths")),
    ("fingerprints_tell_images_apart", with_files(Times), ("a copy of the files", "file times")),
    ("fingerprints_tell_images_apart", with_files(OfTheFolder), ("training and held-out images have the same",)),
    ("fingerprints_tell_images_apart", with_files(NamesAlone), ("files with other contents", "names or counts alone")),
    ("fingerprints_tell_images_apart", with_files(CountAlone), ("chosen by another seed have the same",)),
    ("fingerprints_tell_images_apart", with_files(Address), ("in the next call", "an object's address")),
    ("fingerprints_tell_images_apart", with_files(NoText), ("not a text",)),
]


def situations(folder: Path) -> Situations:
    return Situations(shapes=(ImageShape(1, 16), ImageShape(3, 32)), data_dir=folder, examples=2)


@pytest.mark.parametrize(
    ("check", "build", "words"), PLANTED, ids=lambda value: value[0] if type(value) is tuple else None
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_planted_defects_are_found(
    check: str, build: Callable[[DataContext], DataSource], words: tuple[str, ...], folder: Path
) -> None:
    [found] = [item for item in CATALOGUE["dataset"].checks if item.name == check]
    result = run_check(Case("dataset", build, situations=situations(folder)), found)
    assert result.outcome is Outcome.FAILED
    for word in words:
        assert re.search(word, str(result)), str(result)


def test_every_special_check_finds_something() -> None:
    special = (*DATASETS, *HOLDOUTS, *STORED_IMAGES)
    assert {check for check, _, _ in PLANTED} == {check.name for check in special}


@pytest.mark.parametrize("build", [Source, Generated, Stratified, NextLarger, SoundWithAnUnusedClass, Captioned])
def test_sound_data_sets_pass(build: type[Source], folder: Path) -> None:
    report = check_component(Case("dataset", build, situations=situations(folder)))
    report.raise_if_failed()
    options = {"options_survive_a_file", "options_are_usable", "listing_imports_no_torch"}
    own = {"missing_data_is_named", *(check.name for check in (*HOLDOUTS, *STORED_IMAGES))}
    skipped = options | (own if issubclass(build, Generated) else set())
    skipped |= set() if issubclass(build, Captioned) else {"captions_are_whole"}
    assert {result.check for result in report.skipped} == skipped


def test_files_that_are_nowhere_are_a_failure() -> None:
    report = check_component(Case("dataset", Source))
    reasons = {result.check: result.reason for result in report.failed}
    assert "there is no folder None" in reasons["two_sets_of_one_shape"]
