"""Texts with alternatives in braces, each of which is a column of a picture."""

import itertools
import re

from priorkit.errors import ConfigurationError

__all__ = ["spelled_out"]

_BRACES = re.compile(r"\{([^{}]*)\}")
_MOST_TEXTS = 100


def spelled_out(pattern: str) -> list[tuple[str, str]]:
    """The texts that a pattern stands for, `the flower is {pink, red}`, each after the alternatives that were chosen.

    Several braces give every combination, the last ones changing fastest.

    Raises:
        ConfigurationError: There are no braces, or they are not closed, or one has nothing in it, or there are more
            than 100 texts.
    """
    parts = _BRACES.split(pattern)
    if len(parts) == 1 or any(mark in part for part in parts[::2] for mark in "{}"):
        raise ConfigurationError(
            f"{pattern!r}: put what changes from column to column in braces, such as 'the flower is {{pink, red}}'"
        )
    choices = [[choice.strip() for choice in part.split(",")] for part in parts[1::2]]
    if not all(choice for each in choices for choice in each):
        raise ConfigurationError(f"{pattern!r}: an alternative in braces is empty; separate alternatives by commas")
    texts = []
    for chosen in itertools.islice(itertools.product(*choices), _MOST_TEXTS + 1):
        whole = "".join(itertools.chain(*itertools.zip_longest(parts[::2], chosen, fillvalue="")))
        texts.append((", ".join(chosen), " ".join(whole.split())))
    if len(texts) > _MOST_TEXTS:
        raise ConfigurationError(f"{pattern!r}: its braces stand for more than {_MOST_TEXTS} texts; name fewer")
    return texts
