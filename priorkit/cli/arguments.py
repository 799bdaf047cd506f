"""Command-line arguments: parsers whose errors are priorkit's, and flags in the form that argparse reads safely."""

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
"""Columns of help where they are free."""
HELP_FLAGS = frozenset({"-h", "--help"})
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


def whole_number(least: int) -> Callable[[str], int]:
    """What reads a whole number of at least `least` (0 or more) from the command line."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, not {text!r}")
        return int(text)

    return read


class _WholeWords(argparse.HelpFormatter):
    """Help whose lines are folded at spaces alone: flags and paths have hyphens."""

    def __init__(self, prog: str) -> None:
        width = width_of(sys.stdout) or _WIDTH
        # argparse leaves so many columns free by itself where nobody says how wide lines are.
        super().__init__(prog, max_help_position=min(34, width // 2), width=min(_WIDTH, width - 2))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return textwrap.indent("\n".join(self._split_lines(" ".join(text.split()), width - len(indent))), indent)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises its complaints as `ConfigurationError` and knows no abbreviations."""

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
        """Raises instead of printing the usage and exiting."""
        raise ConfigurationError(f"{message}; see `{self.prog} --help`")

    def format_help(self) -> str:
        """The help, as wide as the terminal is."""
        # Usages that are given as they are, argparse does not fold.
        return folded(super().format_help(), width_of(sys.stdout), hang=10)

    def flags(self) -> list[str]:
        """Every flag that it knows."""
        return [flag for action in self._actions for flag in action.option_strings]


def add_common(parser: Parser) -> None:
    """Adds the flags that every command has."""
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print JSON, one object a line, and nothing else")
    output.add_argument("--quiet", action="store_true", help="print errors only, and where the result lies")


def join_values(arguments: Sequence[str], valued: Collection[str], switches: Collection[str]) -> list[str]:
    """Ties every flag to its value with `=`, so that no value can be taken for something else.

    Args:
        arguments: As typed.
        valued: Flags that take one value.
        switches: Yes/no flags: `--flag`, `--no-flag` and `--flag yes` all become `--flag=...`.
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
    """Names the first argument that a command does not know, and the nearest one that it does.

    Raises:
        ConfigurationError: There is one.
    """
    if unknown:
        flag = unknown[0].partition("=")[0]
        what = "option" if flag.startswith("-") else "argument"
        raise ConfigurationError(f"unknown {what} {flag}{nearest(flag, known)} `{command} --help` lists them")
