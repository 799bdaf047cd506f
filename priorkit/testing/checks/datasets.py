"""Checks of data sets: their images and labels, repeated loading, and the user's choices."""

import tempfile
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import Captions, ImageData, ImageSet
from priorkit.testing.check import Check, Defect, NotApplicable, Refused, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.global_generator import seeded
from priorkit.testing.subjects.dataset import DataSubject, looked_at

__all__ = ["BESIDE", "DATASETS", "alike", "differences", "parts"]

BESIDE = ("labels", "embeddings", "captions")
"""Attributes of an `ImageSet` with one value for each image, beside the pixels."""


def parts(data: ImageData) -> tuple[tuple[str, ImageSet], tuple[str, ImageSet]]:
    """Returns the two sets of images, with their names."""
    return ("training", data.train), ("held-out", data.test)


def two_sets_of_one_shape(subject: DataSubject) -> None:
    """There are training images and held-out images, at least one of each, all of the same shape."""
    data = subject.load()
    for name, part in parts(data):
        require(isinstance(part, ImageSet), f"its {name} images are a {type(part).__name__}, not an ImageSet")
        require(
            len(part) >= 1,
            f"it has {len(data.train)} training and {len(data.test)} held-out images",
            "the number of held-out images is rounded to none or to all",
            "hold out at least one image, and keep at least one to train on",
        )
    require(
        data.train.shape == data.test.shape,
        f"training images have shape {data.train.shape}, but held-out images {data.test.shape}",
    )


def pixels_use_their_range(subject: DataSubject) -> None:
    """Pixels use the range from 0 to 255, and are not all equal."""
    pixels = looked_at(subject.load().train)
    low, high = int(pixels.min()), int(pixels.max())
    require(
        high > 1,
        f"the pixels of {len(pixels)} images have values from {low} to {high}",
        "images in [0, 1] were converted to integers",
        "multiply by 255 and round before `.to(torch.uint8)`",
    )
    require(
        low < high,
        f"all pixels of {len(pixels)} images are {low}",
        "images were scaled wrongly, and then clamped or cast",
        "scale pixels to 0 to 255",
    )


def labels_have_names(subject: DataSubject) -> None:
    """Labels are indices of `class_names`, which are distinct texts; without labels there are no class names."""
    data = subject.load()
    names = data.class_names
    require(
        not isinstance(names, str),
        f"class_names is the text {names!r}, which counts as {len(names)} names",
        "the comma of a tuple with one name is missing",
        "use a tuple of texts: (name,)",
    )
    require(
        all(isinstance(name, str) and bool(name.strip()) for name in names),
        f"class_names are {list(names)[:5]}, not all non-empty texts",
        "the names are numbers, or empty",
        "use a text for each class, such as str(number)",
    )
    twice = [name for name, times in Counter(names).items() if times > 1]
    require(not twice, f"{len(twice)} class names occur more than once, such as {twice[:1]}")
    labels = [(words, part.labels) for words, part in parts(data) if part.labels is not None]
    if not labels:
        require(
            not names,
            f"there are {len(names)} class names, but no labels",
            "the labels are missing in the ImageSet",
            "return ImageSet(images, labels), or no class names",
        )
        return
    least, most = (int(end) for end in torch.cat([found for _, found in labels]).aminmax())
    require(
        least == 0 or (most != len(names) and bool(names)),
        f"labels go from {least} to {most}: no image has the label 0"
        + (f"; there are {len(names)} class names" if names else ""),
        "the classes are numbered from 1",
        "subtract 1 from each label",
    )
    for words, found in labels:
        most = int(found.max()) if len(found) else -1
        require(
            not names or most < len(names),
            f"a label of {words} images is {most}, but there are only {len(names)} class names",
        )


def notes_are_sentences(subject: DataSubject) -> None:
    """Notes are sentences of one line each."""
    notes = subject.load().notes
    require(
        not isinstance(notes, str),
        f"notes is the text {str(notes)[:60]!r}: each letter would be shown as a note",
        "the comma of a tuple with one note is missing",
        "use a tuple of texts: notes=(sentence,)",
    )
    for note in notes:
        require(
            isinstance(note, str) and len(note.split()) > 1 and note.strip() == note and len(note.splitlines()) == 1,
            f"a note is {note!r}, not a sentence of one line",
        )


def captions_are_whole(subject: DataSubject) -> None:
    """Both sets have captions, or neither; captions have no white space around them."""
    sets = parts(subject.load())
    if all(part.captions is None for _, part in sets):
        raise NotApplicable("it has no captions")
    for words, part in sets:
        require(
            part.captions is not None,
            f"{words} images have no captions, but the others do",
            "only one of the two sets is made with captions",
            "make both with captions: ImageSet(images, captions=captions.take(indices))",
        )
        for index, captions in enumerate(part.captions or ()):
            untidy = [caption for caption in captions if caption.strip().strip("\ufeff") != caption]
            require(
                not untidy,
                f"a caption of {words} image {index} has white space around it: {untidy[:1]}",
                "lines are read with line breaks or a byte order mark",
                "strip each line, and open the files with encoding='utf-8-sig'",
            )


def alike(one: Tensor | Captions | None, other: Tensor | Captions | None) -> bool:
    """Returns whether labels, embeddings or captions of two sets are equal, or both missing."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    return type(one) is type(other) and one == other


def differences(first: ImageData, second: ImageData) -> list[str]:
    """Returns the differences of two data sets, in words."""
    found = []
    for (words, one), (_, other) in zip(parts(first), parts(second), strict=True):
        if len(one) != len(other) or one.shape != other.shape or not torch.equal(looked_at(one), looked_at(other)):
            found.append(f"{words} images")
        found += [f"{name} of {words} images" for name in BESIDE if not alike(getattr(one, name), getattr(other, name))]
    if tuple(first.class_names) != tuple(second.class_names):
        found.append("class names")
    return found


def loads_the_same_again(subject: DataSubject) -> None:
    """Loading twice gives the same images and labels, independent of global generators, which are not used."""
    found = []
    for seed in (1, 2):
        with seeded(seed), global_state_kept("load"):
            found.append(subject.load())
    different = differences(*found)
    require(not different, f"its {' and '.join(different)} differ when it is loaded a second time")
    source = subject.source()
    different = differences(source.load(), source.load())
    require(
        not different,
        f"its {' and '.join(different)} differ in a second call of `load`",
        "load changes something that it keeps",
        "keep nothing between calls, or keep images unchanged",
    )


def missing_data_is_named(subject: DataSubject) -> None:
    """A missing data folder raises a DataError that names the folder, unless `reads_data_dir` is False."""
    reads = type(subject.source()).reads_data_dir
    with tempfile.TemporaryDirectory() as folder:
        # A path below a file: no folder can be created there for a download.
        blocked = Path(folder) / "file"
        blocked.touch()
        path = blocked / "no-such-folder"
        try:
            subject.source(data_dir=path).load()
        except DataError as error:
            text = str(error)
            require(
                reads,
                f"reads_data_dir is False, but a missing data folder raises an error: {text}",
                "reads_data_dir is wrong",
                "leave reads_data_dir True if files are read",
            )
            require(
                str(path) in text,
                f"the error for the missing folder {path} does not name it: {text!r}",
                "the message does not contain the path",
                "name the path, what was expected there, and how to obtain it",
            )
            require(len(text.splitlines()) == 1, f"the error has {len(text.splitlines())} lines, not one: {text!r}")
            return
        except Exception as error:
            raise Defect(f"a missing data folder raises {type(error).__name__}: {error}") from error
    require(
        not reads,
        "it loads although the data folder does not exist",
        "DataContext.data_dir is ignored, or replaced by another folder if it does not exist",
        "read from context.data_dir, or set `reads_data_dir = False`: priorkit then tells users that it is ignored",
    )
    raise NotApplicable("it reads no files of the user")


def wishes_are_met_or_left(subject: DataSubject) -> None:
    """Images have the requested channels and at least the requested size, or ignore the request altogether."""
    if not subject.wishes:
        raise NotApplicable("no size or channels are requested")
    found = subject.load().train.shape
    try:
        native = subject.load(image_size=None, channels=None).train.shape
    except Refused:
        native = None
    size, channels = subject.wishes["image_size"], subject.wishes["channels"]
    for words, one, asked, without in (
        ("channels", found[:1], (channels,), None if native is None else native[:1]),
        ("height and width", found[1:], (size, size), None if native is None else native[1:]),
    ):
        require(
            one in (asked, without) or (words == "height and width" and min(one) >= size),
            f"{words} are {one} when {asked} is requested, and "
            f"{'it cannot be read without a request' if without is None else f'{without} without a request'}",
        )


DATASETS = (
    Check(
        "two_sets_of_one_shape",
        two_sets_of_one_shape,
        "the two sets are prepared differently",
        "return ImageData(train=ImageSet(...), test=ImageSet(...)), with all images brought to the same shape",
    ),
    Check(
        "pixels_use_their_range",
        pixels_use_their_range,
        "pixels are not scaled to the range of bytes",
        "scale pixels to 0 to 255",
    ),
    Check(
        "labels_have_names",
        labels_have_names,
        "a name is missing, or the names are not unique",
        "number the classes from 0, in the order of class_names",
    ),
    Check(
        "notes_are_sentences",
        notes_are_sentences,
        "a note is a word, has several lines, or ends in a line break",
        "say in one short sentence what was done to the images",
    ),
    Check(
        "captions_are_whole",
        captions_are_whole,
        "captions of the two sets are read in different ways",
        "read all captions in the same way, before the images are split",
        required=False,
    ),
    Check(
        "loads_the_same_again",
        loads_the_same_again,
        "it draws from a global generator, or lists files in the order of the disk",
        "draw from torch.Generator().manual_seed(context.seed); sort the results of os.listdir and Path.glob",
    ),
    Check(
        "missing_data_is_named",
        missing_data_is_named,
        "the error of the function that opens the file is not caught",
        "catch it, and raise a priorkit.errors.DataError that names the path and says what was expected",
        required=False,
    ),
    Check(
        "wishes_are_met_or_left",
        wishes_are_met_or_left,
        "image_size or channels of the context is used for another purpose",
        "convert images to context.image_size and context.channels, or leave this to priorkit",
    ),
)
