"""The process's output streams: what they cannot take, and where they fail."""

import codecs
import errno
import io
import os
import sys
import traceback
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

__all__ = ["Outcome", "is_of_output", "printing", "refusal_of_output", "write_any_character"]

_SPELLED = {"±": "+-", "²": "^2", "³": "^3", "→": "->", "…": "...", "·": "*", "\u00d7": "x"}
"""How characters are written where an encoding does not have them."""


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """A codec's way out: characters spelled in ASCII, and `?` where that says nothing."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_in_ascii, text)), error.end


def _in_ascii(character: str) -> str:
    if character in _SPELLED:
        return _SPELLED[character]
    if unicodedata.category(character) == "Pd" or "\u2500" <= character <= "\u257f" or character == "\u2212":
        # Dashes, the lines of boxes, the minus sign.
        return "-"
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


def write_any_character() -> None:
    """Lets stdout and stderr spell what their encoding has no character for, instead of failing."""
    codecs.register_error("priorkit.spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors="priorkit.spelled")


def is_of_output(error: OSError) -> bool:
    """Whether an error arose where a command prints: it has no file's name then."""
    if error.filename is not None:
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).startswith(
        ("priorkit.cli.", "priorkit.display.", "rich.", "argparse")
    )


def refusal_of_output(error: OSError) -> str:
    """Says that stdout could not be written, and has nothing tried again at the end of the process."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    mend = "free some space there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check where it leads"
    return f"cannot write to the standard output: {error.strerror or error}; {mend}, or send it elsewhere"


@dataclass
class Outcome:
    """How a command has ended.

    Attributes:
        status: Its exit status.
    """

    status: int = 0


@contextmanager
def printing() -> Iterator[Outcome]:
    """Inside, a command prints; afterwards what it has printed is written.

    Yields:
        What is to be told the command's exit status. It becomes 2 where the output cannot be written, and 141 where
        nobody reads it any more.
    """
    write_any_character()
    outcome = Outcome()
    try:
        yield outcome
        with suppress(ValueError):
            # It may be closed.
            sys.stdout.flush()
    except BrokenPipeError as error:
        refusal_of_output(error)
        outcome.status = outcome.status or 141
    except OSError as error:
        if not is_of_output(error):
            raise
        print(f"priorkit: {refusal_of_output(error)}", file=sys.stderr, flush=True)
        outcome.status = outcome.status or 2
