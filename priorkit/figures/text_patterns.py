"""Texts with alternatives in braces; each alternative becomes a column of a picture."""

import itertools
import re

from priorkit.errors import ConfigurationError

__all__ = ["spelled_out"]

_BRACES = re.compile(r"\{([^{}]*)\}")
_MOST_TEXTS = 100


def spelled_out(pattern: str) -> list[tuple[str, str]]:
    """Expands a pattern such as `the flower is {pink, red}` into texts.

    Several pairs of braces give all combinations; the last pair changes fastest.

    Returns:
        For each text a pair: the chosen alternatives, and the text.

    Raises:
        ConfigurationError: The pattern has no braces, unclosed braces or an empty alternative, or stands for more than
            100 texts.
    """
    parts = _BRACES.split(pattern)
    if len(parts) == 1 or any(mark in part for part in parts[::2] for mark in "{}"):
        raise ConfigurationError(
            f"{pattern!r}: put the alternatives for the columns in braces, such as 'the flower is {{pink, red}}'"
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
