"""Samples on disk: arrays, one picture, or a folder of files."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from priorkit.errors import RunFolderError
from priorkit.figures import as_picture
from priorkit.runs.folder import explained_os_errors
from priorkit.runs.folder_making import whole_folder
from priorkit.runs.pictures import save_grid, write_picture
from priorkit.whole_files import whole_file

__all__ = ["check_output", "check_picture_output", "save_images", "save_picture"]

_SAMPLE = re.compile(r"\d{6,}\.png")
"""Names of the files in a folder of samples."""


def check_output(path: Path, *, overwrite: bool) -> None:
    """Checks that images can be saved at `path` (a .npz, a .png, or a folder).

    Raises:
        RunFolderError: The path is in use and `overwrite` is False; its ending is unknown; or it is a folder with
            anything but samples in it, which is never replaced.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import check_output
        >>> check_output(Path("samples.npz"), overwrite=False)
        >>> check_output(Path("samples.jpg"), overwrite=False)
        Traceback (most recent call last):
        ...
        priorkit.errors.RunFolderError: --out samples.jpg: cannot write '.jpg' files; use NAME.npz, NAME.png or a folder
    """
    with explained_os_errors("look at", None):
        _check_output(path, overwrite=overwrite)


def _check_output(path: Path, *, overwrite: bool) -> None:
    if path.name in ("", ".."):
        raise RunFolderError(f"--out {path}: name the folder to make, or a file that ends in .npz or .png")
    if path.suffix not in (".npz", ".png", ""):
        raise RunFolderError(f"--out {path}: cannot write {path.suffix!r} files; use NAME.npz, NAME.png or a folder")
    taken = any(path.iterdir()) if path.is_dir() else path.exists()
    if taken and not overwrite:
        raise RunFolderError(f"--out {path} already exists and is left as it is; name another one, or add --overwrite")
    if path.suffix and path.is_dir():
        raise RunFolderError(f"--out {path} is a folder; name another file")
    if not path.suffix and path.is_file():
        raise RunFolderError(f"--out {path} is a file; name a folder, or a file that ends in .npz or .png")
    others = [entry.name for entry in path.iterdir() if not _is_sample(entry)] if taken and path.is_dir() else []
    if others:
        raise RunFolderError(
            f"--out {path} holds more than samples ({others[0]!r}), and is left as it is; name another folder"
        )


def _is_sample(path: Path) -> bool:
    return path.is_file() and _SAMPLE.fullmatch(path.name) is not None


def check_picture_output(path: Path, *, overwrite: bool) -> None:
    """Checks that a picture can be saved at `path`, a .png.

    Raises:
        RunFolderError: The path is in use and `overwrite` is False, or its ending is not .png.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import check_picture_output
        >>> check_picture_output(Path("codes.pdf"), overwrite=False)
        Traceback (most recent call last):
        ...
        priorkit.errors.RunFolderError: --out codes.pdf: a figure is one picture; name a file that ends in .png
    """
    if path.suffix != ".png":
        raise RunFolderError(f"--out {path}: a figure is one picture; name a file that ends in .png")
    check_output(path, overwrite=overwrite)


def save_picture(picture: Image.Image, path: Path, *, overwrite: bool = False) -> None:
    """Saves a picture as .png.

    Raises:
        RunFolderError: The path is taken or cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from priorkit.runs import save_picture
        >>> save_picture(Image.new("RGB", (64, 32)), Path("pictures/blank.png"))
        >>> Image.open("pictures/blank.png").size
        (64, 32)
    """
    check_picture_output(path, overwrite=overwrite)
    with explained_os_errors("write", None):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(picture, path)


def save_images(
    images: Tensor,
    path: Path,
    *,
    columns: int = 8,
    overwrite: bool = False,
    labels: Tensor | None = None,
    texts: Sequence[str] | None = None,
) -> None:
    """Saves uint8 images (N, C, H, W).

    Args:
        images: At least one.
        path: `NAME.npz` for an array `images` (N, H, W, C) uint8; `NAME.png` for one grid; a name without an ending for
            a folder of `000000.png` and so on.
        columns: Images in a row of a grid.
        overwrite: Whether existing files may be replaced.
        labels: The images' classes, int64 (N,): in a .npz an array `labels`; not saved otherwise.
        texts: The text of each sample: in a .npz an array `captions`; not saved otherwise.

    Raises:
        RunFolderError: The path is taken or cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import torch
        >>> from priorkit.runs import save_images
        >>> save_images(torch.zeros(10, 1, 16, 16, dtype=torch.uint8), Path("samples.npz"))
        >>> np.load("samples.npz")["images"].shape
        (10, 16, 16, 1)
    """
    check_output(path, overwrite=overwrite)
    with explained_os_errors("write", None):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npz":
            pixels = images.permute(0, 2, 3, 1).contiguous().cpu().numpy()
            beside: dict[str, Any] = {} if labels is None else {"labels": labels.cpu().numpy()}
            if texts is not None:
                beside["captions"] = np.array(texts)
            with whole_file(path) as file:
                np.savez_compressed(file, images=pixels, **beside)
        elif path.suffix == ".png":
            save_grid(images, path, columns)
        else:
            _save_folder(images, path)


def _save_folder(images: Tensor, path: Path) -> None:
    """Writes a folder of pictures atomically; replaces a folder of the same name."""
    with whole_folder(path) as draft:
        for number, image in enumerate(images):
            as_picture(image).save(draft / f"{number:06d}.png")
        if path.exists():
            shutil.rmtree(path)
