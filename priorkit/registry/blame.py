"""Finds the file and line of a plug-in that caused an error."""

import dis
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from priorkit.plugins.wording import in_one_line

__all__ = ["SourcePlace", "error_in_words", "place_of", "place_of_code", "raised_by", "traceback_of"]

_LONGEST = 500
"""Maximal number of characters shown of an error's message."""
_SPEECHLESS = "(it cannot say what)"
"""Replaces the message of an error whose `__str__` fails."""
_NOT_PLUGINS = sys.stdlib_module_names | {"priorkit", "pluggy", "pydantic", "pydantic_core"}
"""Top-level modules whose lines a plug-in's author need not mend."""


@dataclass(frozen=True)
class SourcePlace:
    """A file, and a line in it if known."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def place_of(error: BaseException, package: str) -> SourcePlace | None:
    """The innermost line that lies in the plug-in's own files.

    Args:
        error: The error.
        package: The plug-in's top-level module. If the traceback has none of its lines, any line counts that is not of
            priorkit, of the plug-in loader, or of the standard library.

    Returns:
        The place; for a syntax error, the wrong line; None if there is no such line.
    """
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return SourcePlace(error.filename, error.lineno)
    frames = [
        (_package(frame), SourcePlace(frame.f_code.co_filename, line))
        for frame, line in traceback.walk_tb(error.__traceback__)
        # Code from exec() has no file.
        if not frame.f_code.co_filename.startswith("<")
    ]
    own = [place for name, place in frames if name == package]
    foreign = [place for name, place in frames if name not in _NOT_PLUGINS]
    return next(reversed(own or foreign), None)


def raised_by(error: BaseException, package: str = "") -> bool:
    """Whether a `raise` statement of a package raised an error, not something that the package called.

    Args:
        error: The error.
        package: The top-level module; any if it is empty.
    """
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None or _package(innermost.tb_frame) != (package or _package(innermost.tb_frame)):
        return False
    # Built-in functions have no frame: if one of them raises, its caller's line is a call.
    return dis.opname[innermost.tb_frame.f_code.co_code[innermost.tb_lasti]] == "RAISE_VARARGS"


def place_of_code(module_or_function: object) -> SourcePlace | None:
    """The file of a module, or the line where a function or method begins; None if it has none."""
    code = getattr(module_or_function, "__code__", None)
    if code is not None:
        return SourcePlace(code.co_filename, code.co_firstlineno)
    owner = module_or_function if hasattr(module_or_function, "__file__") else type(module_or_function)
    file = getattr(owner, "__file__", None) or getattr(sys.modules.get(owner.__module__), "__file__", None)
    return SourcePlace(str(file)) if file else None


def error_in_words(error: BaseException) -> str:
    """An error's type and message in one line."""
    try:
        message = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:
        message = _SPEECHLESS
    name = type(error).__name__
    return in_one_line(f"{name}: {message}" if message else name, _LONGEST)


def traceback_of(error: BaseException) -> str:
    """The whole traceback, including those of its causes."""
    try:
        return "".join(traceback.format_exception(error))
    except KeyboardInterrupt:
        raise
    except BaseException:
        lines = traceback.format_tb(error.__traceback__)
        return "".join(["Traceback (most recent call last):\n", *lines, f"{type(error).__name__}: {_SPEECHLESS}\n"])
