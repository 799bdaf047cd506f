"""Arrays in NumPy files from untrusted sources: the errors of reading them, and checks of their content."""

from __future__ import annotations

import sys
import tokenize
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BROKEN_FILE_ERRORS", "checked_array"]

# Errors of zipfile, zlib and NumPy, and of Python's parser, which reads the headers of arrays. zipfile raises
# RuntimeError of an archive with a password.
BROKEN_FILE_ERRORS: tuple[type[Exception], ...] = (
    *(OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error),
    *(ArithmeticError, RuntimeError, SyntaxError, TypeError, tokenize.TokenError),
)
"""Exceptions that `numpy.load` and the archive that it returns raise for a broken file; without `MemoryError`."""


def checked_array(found: Any) -> NDArray[Any]:
    """Checks that a member of a NumPy archive is an array, and that its strings are valid Unicode.

    Args:
        found: The result of `archive[name]`: an array, or bytes if the member is not an array.

    Returns:
        The array.

    Raises:
        ValueError: The member is not an array, or has strings with invalid code points.

    Examples:
        >>> import numpy as np
        >>> from priorkit.plugins import checked_array
        >>> np.savez("data.npz", images=np.zeros((2, 16, 16), np.uint8))
        >>> with np.load("data.npz") as archive:
        ...     checked_array(archive["images"]).shape
        (2, 16, 16)
    """
    import numpy as np  # late: the command line starts without it

    if not isinstance(found, np.ndarray):
        raise ValueError("it is not an array")
    if found.dtype.kind == "U" and found.size:
        points = np.ascontiguousarray(found).view(f"{found.dtype.str[0]}u4")
        if int(points.max()) > sys.maxunicode:
            raise ValueError("its texts have invalid Unicode characters")
    return found
