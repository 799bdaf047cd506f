"""Arrays in NumPy's files, which somebody else may have written: what reading them raises, and what they may hold."""

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
"""What `numpy.load` and the archive that it returns raise where a file is broken; `MemoryError` is not among them."""


def checked_array(found: Any) -> NDArray[Any]:
    """Makes sure that what an archive of NumPy returned is an array, and that Python can show its texts.

    Args:
        found: What `archive[name]` returned: an array, or bytes where the member is no array.

    Raises:
        ValueError: It is no array, or it holds texts with characters that Unicode does not have.
    """
    import numpy as np  # late: the command line starts without it

    if not isinstance(found, np.ndarray):
        raise ValueError("it is no array")
    if found.dtype.kind == "U" and found.size:
        points = np.ascontiguousarray(found).view(f"{found.dtype.str[0]}u4")
        if int(points.max()) > sys.maxunicode:
            raise ValueError("its texts have characters that do not exist")
    return found
