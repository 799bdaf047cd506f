"""`--text` and `--text-file`: the texts that samples are conditioned on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorkit.cli.arguments import Parser
from priorkit.display.console import Console
from priorkit.errors import ConfigurationError

if TYPE_CHECKING:
    from priorkit.runs import Run

__all__ = ["TEXT_FLAGS", "add_texts", "given_texts", "say_what_is_not_read"]

TEXT_FLAGS = ("--text", "--text-file")


def add_texts(parser: Parser) -> None:
    """Adds `--text` and `--text-file`."""
    parser.add_argument(
        "--text", action="append", metavar="TEXT", help="for a run with --condition text: what to draw; may be repeated"
    )
    parser.add_argument("--text-file", type=Path, metavar="FILE", help="a UTF-8 file with a text to draw in each line")


def given_texts(found: argparse.Namespace) -> list[str]:
    """Returns the given texts in order; those of the file come last.

    Raises:
        ConfigurationError: A text is empty, or the file cannot be read or has no text.
    """
    texts = list(found.text or [])
    for text in texts:
        if not text.strip():
            raise ConfigurationError('--text is empty: say what to draw, such as --text "this flower is yellow"')
    if found.text_file is not None:
        texts += _lines_of(found.text_file)
    return texts


def _lines_of(path: Path) -> list[str]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"--text-file {str(path)!r} is not UTF-8; save it as UTF-8 text") from None
    except OSError as error:
        raise ConfigurationError(f"--text-file {str(path)!r} cannot be read: {error.strerror or error}") from None
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    if not lines:
        raise ConfigurationError(f"--text-file {str(path)!r} has no text; write a text in each line")
    return lines


def say_what_is_not_read(run: Run, found: argparse.Namespace, texts: list[str]) -> dict[str, Any]:
    """Prints notes on the parts of the texts that the run's text encoder ignores.

    Returns:
        The same for `--json`: `unknown`, the unknown words of each text, and `cut`, the texts that are cut off.
    """
    from priorkit.runs import unread_notes

    console = Console(as_json=found.json, quiet=found.quiet)
    unknown_words, cut_texts = {}, []
    for text in dict.fromkeys(texts):
        for note in unread_notes(run, text):
            console.line(f"note: {note}")
        unknown, cut = run.unread(text)
        if unknown:
            unknown_words[text] = list(unknown)
        if cut:
            cut_texts.append(text)
    return {"unknown": unknown_words, "cut": cut_texts}
