"""The options that a sweep varies, each with a range or a list of values, in the syntax of `--search`."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from priorkit.errors import ConfigurationError

__all__ = ["SearchedOption", "parse_search", "search_of"]

_NAME = re.compile(r"(?:--)?[A-Za-z][\w-]*(?:\.[\w-]+)*")
_WHOLE = re.compile(r"[+-]?\d+")
_WIDE = 100.0
"""Ratio of a range's ends from which the range is searched on a logarithmic scale."""
_SCALES = ("log", "linear")


@dataclass(frozen=True)
class SearchedOption:
    """An option that a sweep varies.

    Attributes:
        name: The option's name in configurations: `networks.width`, `prior.noise_dim`.
        choices: The values to choose from, as text; empty for a range.
        low: The least value of a range.
        high: The greatest value of a range.
        log: Whether a range is searched on a logarithmic scale.
        whole: Whether the ends of a range were written as whole numbers.

    Examples:
        >>> from priorkit.sweeps import SearchedOption
        >>> option = SearchedOption("prior.noise_dim", low=8, high=64, whole=True)
        >>> option.path, option.ends, str(option)
        (('prior', 'noise_dim'), ('8', '64'), 'prior.noise_dim=8..64@linear')
    """

    name: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """Keys from the root of the configuration."""
        return tuple(self.name.split("."))

    @property
    def ends(self) -> tuple[str, ...]:
        """The ends of a range, or every value of a list, as text."""
        if self.choices:
            return self.choices
        return (str(int(self.low)), str(int(self.high))) if self.whole else (repr(self.low), repr(self.high))

    def __str__(self) -> str:
        """The form that `--search` takes."""
        if self.choices:
            return f"{self.name}={','.join(self.choices)}"
        return f"{self.name}={'..'.join(self.ends)}@{'log' if self.log else 'linear'}"


def parse_search(texts: Iterable[str]) -> tuple[SearchedOption, ...]:
    """Parses a search space such as `learning_rate=1e-4..1e-2,networks.width=16,32`.

    Commas separate options, and the values of a list: a part without `=` belongs to the option before it.

    Args:
        texts: The values of `--search`, which may be given several times.

    Raises:
        ConfigurationError: A text cannot be parsed, or an option is given twice.

    Examples:
        >>> from priorkit.sweeps import parse_search
        >>> [str(item) for item in parse_search(["learning_rate=1e-4..1e-2,networks.width=16,32"])]
        ['learning_rate=0.0001..0.01@log', 'networks.width=16,32']
    """
    found: list[tuple[str, list[str]]] = []
    for text in texts:
        begun = False
        for part in (part.strip() for part in text.split(",")):
            name, equals, value = part.partition("=")
            if equals:
                begun = True
                found.append((name.strip(), [value.strip()]))
            elif not begun:
                raise ConfigurationError(
                    f"--search {text}: {part!r} names no option; write OPTION=A..B for a range, or OPTION=A,B,C for a "
                    "list, with commas between options"
                )
            else:
                found[-1][1].append(part)
    return _distinct(_option(name, values) for name, values in found)


def search_of(search: Mapping[str, Any] | Sequence[str] | str) -> tuple[SearchedOption, ...]:
    """Parses a search space given in Python: the text of `--search`, or a mapping from options to ranges and lists.

    Args:
        search: As in `{"learning_rate": "1e-4..1e-2", "networks.width": [16, 32]}`.

    Raises:
        ConfigurationError: The search space cannot be parsed, or is empty.

    Examples:
        >>> from priorkit.sweeps import search_of
        >>> [str(option) for option in search_of({"learning_rate": "1e-4..1e-2", "networks.width": [16, 32]})]
        ['learning_rate=0.0001..0.01@log', 'networks.width=16,32']
    """
    if isinstance(search, Mapping):
        options = _distinct(
            _option(str(name), [value] if isinstance(value, str) else [_text(item) for item in value])
            for name, value in search.items()
        )
    else:
        options = parse_search([search] if isinstance(search, str) else search)
    if not options:
        raise ConfigurationError("a sweep needs something to vary: --search learning_rate=1e-4..1e-2")
    return options


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _distinct(options: Iterable[SearchedOption]) -> tuple[SearchedOption, ...]:
    found: dict[str, SearchedOption] = {}
    for option in options:
        if option.name in found:
            raise ConfigurationError(f"--search {option.name}: the option is searched twice; give it once")
        found[option.name] = option
    return tuple(found.values())


def _option(written: str, values: Sequence[str]) -> SearchedOption:
    if not _NAME.fullmatch(written):
        raise ConfigurationError(
            f"--search: {written!r} is not the name of an option; write learning_rate or networks.width, for instance"
        )
    table, dot, rest = written.removeprefix("--").partition(".")
    name = table.replace("-", "_") + dot + rest.replace("-", "_")
    if any(not value for value in values):
        raise ConfigurationError(f"--search {written}: a value is missing between commas or behind =")
    if len(values) == 1 and ".." in values[0] and "/" not in values[0]:
        return _range(name, values[0])
    if len(set(values)) < len(values):
        raise ConfigurationError(f"--search {written}={','.join(values)}: a value is given twice")
    return SearchedOption(name, tuple(values))


def _range(name: str, text: str) -> SearchedOption:
    ends, _, scale = text.partition("@")
    first, _, last = (part.strip() for part in ends.partition(".."))
    wrong = f"--search {name}={text}: "
    try:
        low, high = float(first), float(last)
    except ValueError:
        raise ConfigurationError(f"{wrong}expected two numbers, as in 1e-4..1e-2 or 16..64") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigurationError(f"{wrong}the first number must be less than the second, and both finite")
    if scale not in ("", *_SCALES):
        raise ConfigurationError(f"{wrong}unknown scale {scale!r}; write @log or @linear, or leave it out")
    if scale == "log" and low <= 0:
        raise ConfigurationError(f"{wrong}a logarithmic scale needs numbers above 0")
    log = scale == "log" or (scale == "" and low > 0 and high / low >= _WIDE)
    whole = bool(_WHOLE.fullmatch(first) and _WHOLE.fullmatch(last))
    return SearchedOption(name, low=low, high=high, log=log, whole=whole)
