"""Reads and writes codes in NumPy files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from priorkit.errors import ConfigurationError, DataError, RunFolderError
from priorkit.plugins import BROKEN_FILE_ERRORS, checked_array
from priorkit.registry import bare_name
from priorkit.runs.folder import explained_os_errors
from priorkit.whole_files import whole_file

__all__ = ["CodesFile", "check_codes_output", "naming_codes", "read_codes", "save_codes"]

_BESIDE = {"labels": "labels", "conditions": "embedding"}
"""Further arrays in a file of codes, and the condition that uses each."""


@dataclass(frozen=True)
class CodesFile:
    """The content of a file of codes.

    Attributes:
        path: The file.
        codes: The array `codes` of an .npz file, or the array of an .npy file; one code a row.
        labels: The array `labels`, or None.
        conditions: The array `conditions`, or None.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from priorkit.codes import CodesFile
        >>> file = CodesFile(Path("codes.npz"), codes=np.zeros((3, 8)), labels=np.array([0, 1, 1]))
        >>> file.there(), file.conditions_for("labels")
        (['labels'], array([0, 1, 1]))
    """

    path: Path
    codes: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any] | None = None
    conditions: np.ndarray[Any, Any] | None = None

    def conditions_for(self, condition: str) -> np.ndarray[Any, Any] | None:
        """The array that a condition component of this name reads; None for the condition `none`.

        Raises:
            ConfigurationError: The file lacks this array.
        """
        name = bare_name(condition)
        if name == "none":
            return None
        array, there = {"labels": "labels", "embedding": "conditions"}.get(name), self.there()
        if array is None:
            # A third party's condition uses whatever there is.
            return self.labels if self.labels is not None else self.conditions
        if array not in there:
            raise ConfigurationError(
                f"--condition {condition}: {str(self.path)!r} has no array {array!r} beside its codes; add it, "
                + (
                    f"or use --condition {_BESIDE[there[0]]} for its {there[0]}"
                    if there
                    else "or leave --condition out"
                )
            )
        return self.labels if array == "labels" else self.conditions

    def there(self) -> list[str]:
        """The names of the arrays besides `codes`."""
        return [name for name in _BESIDE if getattr(self, name) is not None]


def read_codes(path: Path) -> CodesFile:
    """Reads codes from `FILE.npz`, with an array `codes` and perhaps `labels` or `conditions`, or `FILE.npy`.

    Raises:
        DataError: There is no such file, or it does not contain codes.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from priorkit.codes import read_codes
        >>> np.savez("codes.npz", codes=np.zeros((3, 8)), labels=[0, 1, 1])
        >>> file = read_codes(Path("codes.npz"))
        >>> file.codes.shape, file.there()
        ((3, 8), ['labels'])
    """
    if path.suffix not in (".npz", ".npy"):
        raise DataError(
            f"--codes {path}: name a file that ends in .npz, with an array `codes`, or .npy; numpy.savez and "
            "numpy.save write them"
        )
    if not path.is_file():
        raise DataError(f"--codes {path}: there is no such file; check the path")
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return CodesFile(path, _checked(loaded, "codes"))
        with loaded as arrays:
            if "codes" not in arrays:
                names = ", ".join(arrays.files) or "no array at all"
                raise DataError(
                    f"--codes {path}: it has no array `codes`, but {names}; save it again, by "
                    "numpy.savez(FILE, codes=...)"
                )
            found = {name: _checked(arrays[name], name) for name in ("codes", *_BESIDE) if name in arrays}
            return CodesFile(path, **found)
    except DataError:
        raise
    except MemoryError:
        raise DataError(
            f"--codes {path}: its arrays do not fit into memory; save fewer codes, or restore the file if it is damaged"
        ) from None
    except BROKEN_FILE_ERRORS as error:
        if "Object arrays" in str(error):
            raise DataError(
                f"--codes {path}: it holds arrays of Python objects, but numbers were expected; convert them first, as "
                "by astype(float)"
            ) from None
        raise DataError(f"--codes {path}: cannot be read: {' '.join(str(error).split())}; save it again") from None


def _checked(found: Any, name: str) -> np.ndarray[Any, Any]:
    try:
        return checked_array(found)
    except ValueError as error:
        raise ValueError(f"{name!r}: {error}") from None


@contextmanager
def naming_codes(file: Path | None) -> Iterator[None]:
    """Inside this context, errors about codes and conditions name their file, if any."""
    try:
        yield
    except ConfigurationError as error:
        if file is None:
            raise
        raise ConfigurationError(f"--codes {file}: {error}") from error


def check_codes_output(path: Path, *, overwrite: bool) -> None:
    """Checks that codes can be saved at `path`, which must end in .npz or .npy.

    Raises:
        RunFolderError: The path is in use and `overwrite` is False, or its ending is wrong.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.codes import check_codes_output
        >>> check_codes_output(Path("codes.npz"), overwrite=False)
        >>> check_codes_output(Path("codes.txt"), overwrite=False)
        Traceback (most recent call last):
            ...
        priorkit.errors.RunFolderError: --out codes.txt: codes are arrays; name a file that ends in .npz or .npy
    """
    if path.suffix not in (".npz", ".npy"):
        raise RunFolderError(f"--out {path}: codes are arrays; name a file that ends in .npz or .npy")
    with explained_os_errors("look at", None):
        if path.is_dir():
            raise RunFolderError(f"--out {path} is a folder; name another file")
        if path.exists() and not overwrite:
            raise RunFolderError(
                f"--out {path} already exists and is left as it is; name another one, or add --overwrite"
            )


def save_codes(codes: np.ndarray[Any, Any], path: Path, beside: dict[str, Any], *, overwrite: bool = False) -> None:
    """Saves codes as arrays, atomically.

    Args:
        codes: The codes, one a row.
        path: `NAME.npz` for an array `codes` with the arrays of `beside`, or `NAME.npy` for codes alone.
        beside: Other arrays, by name; not saved in an .npy file.
        overwrite: Whether an existing file may be replaced.

    Raises:
        RunFolderError: The path is in use or cannot be written, or its ending is wrong.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from priorkit.codes import read_codes, save_codes
        >>> save_codes(np.zeros((3, 8)), Path("samples.npz"), {"labels": np.array([0, 1, 1])})
        >>> read_codes(Path("samples.npz")).labels
        array([0, 1, 1])
    """
    check_codes_output(path, overwrite=overwrite)
    with explained_os_errors("write", None):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            if path.suffix == ".npy":
                np.save(file, codes)
            else:
                np.savez_compressed(file, codes=codes, **beside)
