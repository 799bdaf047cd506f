"""The process's output streams: characters that they cannot encode, and errors of writing to them."""

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
"""ASCII spellings of characters, for encodings that lack them."""


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Error handler of a codec: spells characters in ASCII, or as `?` if they have no spelling."""
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
    """Lets stdout and stderr spell characters that their encoding lacks, instead of failing."""
    codecs.register_error("priorkit.spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors="priorkit.spelled")


def is_of_output(error: OSError) -> bool:
    """Whether an error was raised while a command printed: such an error has no file name."""
    if error.filename is not None:
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).startswith(
        ("priorkit.cli.", "priorkit.display.", "rich.", "argparse")
    )


def refusal_of_output(error: OSError) -> str:
    """Returns a message that stdout could not be written, and closes it so that Python does not try again at exit."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    mend = "free some space there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check where it leads"
    return f"cannot write to the standard output: {error.strerror or error}; {mend}, or send it elsewhere"


@dataclass
class Outcome:
    """The result of a command.

    Attributes:
        status: Its exit status.
    """

    status: int = 0


@contextmanager
def printing() -> Iterator[Outcome]:
    """Inside this context, a command runs; at its end, buffered output is written.

    Yields:
        An object to set the command's exit status on. The status becomes 2 if the output cannot be written, and 141 if
        nobody reads the output any more.
    """
    write_any_character()
    outcome = Outcome()
    try:
        yield outcome
        with suppress(ValueError):
            # stdout may be closed.
            sys.stdout.flush()
    except BrokenPipeError as error:
        refusal_of_output(error)
        outcome.status = outcome.status or 141
    except OSError as error:
        if not is_of_output(error):
            raise
        print(f"priorkit: {refusal_of_output(error)}", file=sys.stderr, flush=True)
        outcome.status = outcome.status or 2
