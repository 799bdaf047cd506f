"""Parsers of the command line: they raise priorkit's errors, and get every flag joined to its value."""

import argparse
import sys
import textwrap
from collections.abc import Callable, Collection, Sequence
from typing import NoReturn

from priorkit.display.folding import folded, width_of
from priorkit.errors import ConfigurationError
from priorkit.plugins import nearest

__all__ = ["HELP_FLAGS", "Parser", "add_common", "join_values", "refuse_unknown", "whole_number"]

_WIDTH = 112
"""Width of help texts in columns, where the terminal is wide enough."""
HELP_FLAGS = frozenset({"-h", "--help"})
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


def whole_number(least: int) -> Callable[[str], int]:
    """Returns a reader of command-line values: whole numbers of at least `least`, which is 0 or more."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, not {text!r}")
        return int(text)

    return read


class _WholeWords(argparse.HelpFormatter):
    """Formats help and breaks its lines at spaces only, because flags and paths contain hyphens."""

    def __init__(self, prog: str) -> None:
        width = width_of(sys.stdout) or _WIDTH
        # Without a given width, argparse leaves two columns free too.
        super().__init__(prog, max_help_position=min(34, width // 2), width=min(_WIDTH, width - 2))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return textwrap.indent("\n".join(self._split_lines(" ".join(text.split()), width - len(indent))), indent)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `ConfigurationError` and accepts no abbreviated flags."""

    def __init__(self, prog: str, description: str = "", usage: str | None = None, *, help_flag: bool = True) -> None:
        super().__init__(
            prog=prog,
            description=description,
            usage=usage,
            add_help=help_flag,
            allow_abbrev=False,
            formatter_class=_WholeWords,
        )

    def error(self, message: str) -> NoReturn:
        """Raises `ConfigurationError`, where argparse would print the usage and exit."""
        raise ConfigurationError(f"{message}; see `{self.prog} --help`")

    def format_help(self) -> str:
        """Returns the help, no wider than the terminal."""
        # argparse does not fold a usage that it is given.
        return folded(super().format_help(), width_of(sys.stdout), hang=10)

    def flags(self) -> list[str]:
        """Returns all flags of this parser."""
        return [flag for action in self._actions for flag in action.option_strings]


def add_common(parser: Parser) -> None:
    """Adds the flags that all commands share."""
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print JSON only, one object per line")
    output.add_argument("--quiet", action="store_true", help="print only errors and the path of the result")


def join_values(arguments: Sequence[str], valued: Collection[str], switches: Collection[str]) -> list[str]:
    """Joins every flag to its value with `=`, so that argparse cannot mistake a value for a flag.

    Args:
        arguments: The arguments as typed.
        valued: Flags that take one value.
        switches: Yes/no flags: `--flag`, `--no-flag` and `--flag yes` all become `--flag=...`.

    Raises:
        ConfigurationError: A flag lacks its value.
    """
    joined: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        negated = "--" + argument.removeprefix("--no-")
        if argument == "--":
            return [*joined, *waiting]
        if argument in switches:
            word = waiting[0].lower() if waiting else ""
            value = waiting.pop(0).lower() if word in _YES | _NO else "true"
            joined.append(f"{argument}={value}")
        elif argument.startswith("--no-") and negated in switches:
            joined.append(f"{negated}=false")
        elif argument in valued:
            if not waiting:
                raise ConfigurationError(f"{argument} needs a value")
            joined.append(f"{argument}={waiting.pop(0)}")
        else:
            joined.append(argument)
    return joined


def refuse_unknown(unknown: Sequence[str], known: Collection[str], command: str) -> None:
    """Refuses unknown arguments; the error names the first, and the known flag with the most similar name.

    Raises:
        ConfigurationError: There is an unknown argument.
    """
    if unknown:
        flag = unknown[0].partition("=")[0]
        what = "option" if flag.startswith("-") else "argument"
        raise ConfigurationError(f"unknown {what} {flag}{nearest(flag, known)} `{command} --help` lists them")
