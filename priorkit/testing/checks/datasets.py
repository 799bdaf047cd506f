"""What is special to data sets: what they give, how often they give the same, and what the user may ask for."""

import tempfile
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor

from priorkit.errors import DataError
from priorkit.interfaces import Captions, ImageData, ImageSet
from priorkit.testing.check import Check, Defect, NotApplicable, Refused, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.dataset import DataSubject, looked_at

__all__ = ["BESIDE", "DATASETS", "alike", "differences", "parts"]

BESIDE = ("labels", "embeddings", "captions")
"""What an `ImageSet` may have of each image beside its pixels."""


def parts(data: ImageData) -> tuple[tuple[str, ImageSet], tuple[str, ImageSet]]:
    """The two sets of images, and what they are called."""
    return ("training", data.train), ("held-out", data.test)


def two_sets_of_one_shape(subject: DataSubject) -> None:
    """There are images to train on and held-out ones, at least one of each and of one shape."""
    data = subject.load()
    for name, part in parts(data):
        require(isinstance(part, ImageSet), f"its {name} images are a {type(part).__name__}, not an ImageSet")
        require(
            len(part) >= 1,
            f"it has {len(data.train)} training and {len(data.test)} held-out images",
            "the share to hold out is rounded to none, or to all",
            "hold out at least one image, and keep at least one to train on",
        )
    require(
        data.train.shape == data.test.shape,
        f"training images have shape {data.train.shape}, and held-out ones {data.test.shape}",
    )


def pixels_use_their_range(subject: DataSubject) -> None:
    """Pixels are bytes from 0 to 255, and not all alike."""
    pixels = looked_at(subject.load().train)
    low, high = int(pixels.min()), int(pixels.max())
    require(
        high > 1,
        f"all {len(pixels)} images that were looked at have values from {low} to {high}",
        "images in [0, 1] were turned into whole numbers",
        "multiply by 255 and round before `.to(torch.uint8)`",
    )
    require(
        low < high,
        f"all pixels of {len(pixels)} images are {low}",
        "images were clamped or cast after they were scaled wrongly",
        "bring pixels to 0 to 255",
    )


def labels_have_names(subject: DataSubject) -> None:
    """Labels are indices of `class_names`, which are different words; without labels there are no names."""
    data = subject.load()
    names = data.class_names
    require(
        not isinstance(names, str),
        f"class_names is the text {names!r}, which counts as {len(names)} names",
        "the comma of a tuple with one name is missing",
        "give a tuple of texts",
    )
    require(
        all(isinstance(name, str) and bool(name.strip()) for name in names),
        f"class_names are {list(names)[:5]}, not all words",
        "the names are numbers, or empty",
        "give a text for each class: str(number)",
    )
    twice = [name for name, times in Counter(names).items() if times > 1]
    require(not twice, f"{len(twice)} names stand for several classes, such as {twice[:1]}")
    labels = [(words, part.labels) for words, part in parts(data) if part.labels is not None]
    if not labels:
        require(
            not names,
            f"there are no labels, and {len(names)} class names",
            "the labels are left out of the ImageSet",
            "give ImageSet(images, labels), or no class names",
        )
        return
    least, most = (int(end) for end in torch.cat([found for _, found in labels]).aminmax())
    require(
        least == 0 or (most != len(names) and bool(names)),
        f"labels go from {least} to {most}, and no image has the label 0"
        + (f"; there are {len(names)} class names" if names else ""),
        "the classes are numbered from 1",
        "subtract 1 from each label",
    )
    for words, found in labels:
        most = int(found.max()) if len(found) else -1
        require(
            not names or most < len(names),
            f"a label of {words} images is {most}, and there are {len(names)} class names",
        )


def notes_are_sentences(subject: DataSubject) -> None:
    """Notes are short sentences, in a line each."""
    notes = subject.load().notes
    require(
        not isinstance(notes, str),
        f"notes is the text {str(notes)[:60]!r}, of which each letter would be shown as a note",
        "the comma of a tuple with one note is missing",
        "give a tuple of texts: notes=(sentence,)",
    )
    for note in notes:
        require(
            isinstance(note, str) and len(note.split()) > 1 and note.strip() == note and len(note.splitlines()) == 1,
            f"a note is {note!r}",
        )


def captions_are_whole(subject: DataSubject) -> None:
    """Where images have captions, the images of both sets have; they have no white space around them."""
    sets = parts(subject.load())
    if all(part.captions is None for _, part in sets):
        raise NotApplicable("it has no captions")
    for words, part in sets:
        require(
            part.captions is not None,
            f"{words} images have no captions, and the others have some",
            "captions are given to one of the two sets alone",
            "give both: ImageSet(images, captions=captions.take(indices))",
        )
        for index, captions in enumerate(part.captions or ()):
            untidy = [caption for caption in captions if caption.strip().strip("\ufeff") != caption]
            require(
                not untidy,
                f"a caption of {words} image {index} is {untidy[:1]}",
                "lines are read with their ends, or with a byte order mark",
                "strip each line, and open the files with encoding='utf-8-sig'",
            )


def alike(one: Tensor | Captions | None, other: Tensor | Captions | None) -> bool:
    """Whether two sets have the same labels, embeddings or captions, or both none."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    return type(one) is type(other) and one == other


def differences(first: ImageData, second: ImageData) -> list[str]:
    """In what two data sets differ, in words."""
    found = []
    for (words, one), (_, other) in zip(parts(first), parts(second), strict=True):
        if len(one) != len(other) or one.shape != other.shape or not torch.equal(looked_at(one), looked_at(other)):
            found.append(f"{words} images")
        found += [f"{name} of {words} images" for name in BESIDE if not alike(getattr(one, name), getattr(other, name))]
    if tuple(first.class_names) != tuple(second.class_names):
        found.append("class names")
    return found


def loads_the_same_again(subject: DataSubject) -> None:
    """Loaded twice, it gives the same images and labels, whatever the global generators do, which stay as they are."""
    found = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            with global_state_kept("load"):
                found.append(subject.load())
    different = differences(*found)
    require(not different, f"loaded a second time, its {' and '.join(different)} are others")
    source = subject.source()
    different = differences(source.load(), source.load())
    require(
        not different,
        f"where `load` is called twice, its {' and '.join(different)} are others",
        "load changes what it keeps",
        "keep nothing between calls, or images that nothing writes into",
    )


def missing_data_is_named(subject: DataSubject) -> None:
    """A data folder that is not there ends in a DataError that names it; or `reads_data_dir` says that none is read."""
    reads = type(subject.source()).reads_data_dir
    with tempfile.TemporaryDirectory() as folder:
        # Below a file, where nobody can make a folder and download something into it.
        blocked = Path(folder) / "file"
        blocked.touch()
        path = blocked / "no-such-folder"
        try:
            subject.source(data_dir=path).load()
        except DataError as error:
            text = str(error)
            require(
                reads,
                f"reads_data_dir is False, and without a data folder there is an error: {text}",
                "reads_data_dir is wrong",
                "leave reads_data_dir True where files are read",
            )
            require(
                str(path) in text,
                f"where {path} does not exist, the error does not name it: {text!r}",
                "the message was written without the path",
                "name the path, what was expected there, and how to get it",
            )
            require(len(text.splitlines()) == 1, f"the error has {len(text.splitlines())} lines: {text!r}")
            return
        except Exception as error:
            raise Defect(f"a data folder that is not there ends in {type(error).__name__}: {error}") from error
    require(
        not reads,
        "it loads although the data folder does not exist",
        "DataContext.data_dir is not read, or replaced by another folder where it does not exist",
        "read from context.data_dir, or set `reads_data_dir = False`: priorkit then tells users that it is ignored",
    )
    raise NotApplicable("it reads no files of the user's")


def wishes_are_met_or_left(subject: DataSubject) -> None:
    """Images have the channels and at least the size that are asked for, or are as without: priorkit does the rest."""
    if not subject.wishes:
        raise NotApplicable("nothing is asked for")
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
            f"asked for {words} {asked} it gives {one}, and "
            f"{'cannot be read without being asked' if without is None else f'unasked {without}'}",
        )


DATASETS = (
    Check(
        "two_sets_of_one_shape",
        two_sets_of_one_shape,
        "the two sets are prepared differently",
        "give ImageData(train=ImageSet(...), test=ImageSet(...)) of images that were brought to one shape alike",
    ),
    Check(
        "pixels_use_their_range",
        pixels_use_their_range,
        "pixels are not scaled to bytes",
        "bring pixels to 0 to 255",
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
        "captions are read otherwise for one of the two sets",
        "read them alike, before the images are split",
        required=False,
    ),
    Check(
        "loads_the_same_again",
        loads_the_same_again,
        "something is drawn from a global generator, or files are listed in the order in which the disk gives them",
        "draw by torch.Generator().manual_seed(context.seed); sort what os.listdir and Path.glob give",
    ),
    Check(
        "missing_data_is_named",
        missing_data_is_named,
        "the error of whatever opens the file comes through",
        "catch it, and raise a priorkit.errors.DataError that names the path and says what was expected",
        required=False,
    ),
    Check(
        "wishes_are_met_or_left",
        wishes_are_met_or_left,
        "image_size or channels of the context is used for something else",
        "bring images to context.image_size and context.channels, or leave both to priorkit",
    ),
)
