"""Finds the image files of a folder, and their classes and held-out images from the folders' names."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from priorkit.errors import DataError
from priorkit_plugins.folder.files import Files
from priorkit_plugins.folder.parts import held_out_parts, part_of, train_parts
from priorkit_plugins.folder.tree import EXTENSIONS, Tree, natural_order

__all__ = ["Layout", "Split", "find_layout"]


@dataclass(frozen=True)
class Split:
    """Image files, and the class name of each, or None without classes."""

    files: Files
    classes: list[str] | None


@dataclass(frozen=True)
class Layout:
    """The image files of a folder.

    Attributes:
        train: The images to train on, or all images.
        test: The held-out images, or None if the folder does not have them separately.
        notes: What was left out, for the user.
    """

    train: Split
    test: Split | None
    notes: list[str]


def find_layout(root: Path) -> Layout:
    """Finds the image files of a folder; hidden files and folders are ignored, and names are sorted naturally.

    Args:
        root: A folder with one folder for each class, or with the images themselves; or with two such folders, `train`
            and `test` (or `val`, or usual names like these). If the only content is one folder with folders in it, this
            folder is used instead.

    Raises:
        DataError: There is no such folder, it has no images, more images are left out than read, or the layout is
            unclear.
    """
    if not root.exists():
        raise DataError(f"there is no folder {root}: let --data-dir name the folder with the images")
    if not root.is_dir():
        raise DataError(f"{root} is a file, not a folder: let --data-dir name the folder with the images")
    tree = Tree(root)
    inside = _lone_folder(tree, "")
    folders = [name for name, is_folder in tree.visible(inside).items() if is_folder]
    trained, held_out = train_parts(folders), held_out_parts(folders, root / inside)
    notes: list[str] = []
    test = None
    if trained and held_out:
        train, test = _parted(tree, inside, trained[0], held_out, notes)
    else:
        _check_classes(tree, inside, folders)
        train = _find_split(tree, inside, notes)
    if inside and part_of(posixpath.basename(inside)) is None:
        notes.insert(0, f"the images are those in {inside}, the only folder that has some")
    count = len(train.files) + (len(test.files) if test else 0)
    return Layout(train, test, notes + tree.notes(count))


def _lone_folder(tree: Tree, inside: str) -> str:
    """Descends while all images are in one folder that has subfolders, or has a name such as `train`.

    A single folder of images without subfolders is a class.
    """
    while not tree.has_images(inside) and len(names := tree.folders(inside)) == 1:
        every = [name for name, is_folder in tree.visible(inside).items() if is_folder]
        if train_parts(every) and held_out_parts(every, tree.root / inside):
            # One part has no images: the user should know.
            break
        below = posixpath.join(inside, names[0])
        if part_of(names[0]) is None and (tree.has_images(below) or not tree.folders(below)):
            break
        inside = below
    return inside


def _parted(tree: Tree, inside: str, trained: str, held_out: Sequence[str], notes: list[str]) -> tuple[Split, Split]:
    """The images to train on and to hold out, for a folder with a subfolder for each."""
    places = []
    for name in (trained, held_out[0]):
        place = posixpath.join(inside, name)
        # Archives may unpack into a folder of the same name: train/train/...
        while not tree.has_images(place) and [part_of(each) for each in tree.folders(place)] == [part_of(name)]:
            place = posixpath.join(place, tree.folders(place)[0])
        places.append(place)
    notes.append(f"images in {held_out[0]} are held out")
    train, test = (_find_split(tree, place, notes) for place in places)
    if (train.classes is None) != (test.classes is None):
        raise DataError(
            f"of {tree.root / places[0]} and {tree.root / places[1]}, one has class folders and the other has not: lay "
            "out both alike"
        )
    unknown = natural_order(set(test.classes or ()) - set(train.classes or ()))
    if unknown:
        raise DataError(
            f"class {unknown[0]!r} is in {tree.root / places[1]} but not in {tree.root / places[0]}: every class needs "
            "images to train on"
        )
    aside = [name for name, is_folder in tree.visible(inside).items() if is_folder]
    aside = [name for name in aside if name not in (trained, held_out[0])]
    if aside:
        counts = [sum(1 for _ in tree.images_below(posixpath.join(inside, name))) for name in aside]
        listed = ", ".join(
            f"{name} ({count} image{'s' * (count != 1)})" for name, count in zip(aside, counts, strict=True)
        )
        notes.append(f"folders left aside: {listed}")
    return train, test


def _check_classes(tree: Tree, inside: str, folders: Sequence[str]) -> None:
    """Checks that folders are classes, if there are no separate folders to train on and to hold out.

    Raises:
        DataError: By their names or contents, they are parts of a data set, or data sets.
    """
    folder = tree.root / inside
    if folders and all(part_of(name) not in (None, "train") for name in folders):
        raise DataError(
            f"{folder} has {' and '.join(map(repr, folders))}, which are images to hold out, and none to train on: "
            "name a folder 'train'"
        )
    for name in folders:
        below = tree.folders(posixpath.join(inside, name))
        if train_parts(below) and held_out_parts(below, folder / name):
            raise DataError(
                f"{folder / name} is split into {' and '.join(map(repr, below))}, and would be one class to train on: "
                "let --data-dir name a data set that is laid out as train/CLASS and test/CLASS"
            )
        if part_of(name) is not None and set(below) & set(folders):
            raise DataError(
                f"{folder} has class folders directly and in {name!r}: move those beside {name!r} into a folder "
                f"{'test' if part_of(name) == 'train' else 'train'!r}, or {name!r} elsewhere"
            )


def _find_split(tree: Tree, inside: str, notes: list[str]) -> Split:
    """Images in class folders (also deeper inside them), or directly in the folder."""
    root, folder = tree.root, tree.root / inside
    visible = tree.visible(inside)
    direct = [name for name, is_folder in visible.items() if not is_folder]
    classes = {
        name: Files(root, tree.images_below(posixpath.join(inside, name)))
        for name, is_folder in visible.items()
        if is_folder
    }
    empty = [name for name, files in classes.items() if not len(files)]
    classes = {name: files for name, files in classes.items() if len(files)}
    if direct and classes:
        raise DataError(
            f"{folder} has images both directly ({direct[0]}) and in folders ({next(iter(classes))}): move the "
            "images into class folders, or all into one folder"
        )
    if not direct and not classes:
        tree.notes(0)
        raise DataError(
            f"there are no images in {folder} or in folders inside it: put image files there (read are "
            f"{', '.join(EXTENSIONS)})"
        )
    if direct:
        return Split(Files(root, (posixpath.join(inside, name) for name in direct)), None)
    if empty:
        notes.append(f"folders without images are not classes: {', '.join(empty)}")
    names = [name for name, files in classes.items() for _ in range(len(files))]
    return Split(Files.joined(list(classes.values())), names)
