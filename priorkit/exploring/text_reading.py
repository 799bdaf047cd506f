"""A run's text encoder for browsers: a table from texts to tokens, and a network from tokens to s."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.errors import is_out_of_memory
from priorkit.exporting import capture, onnx_bytes, onnx_runner
from priorkit.interfaces import Captions, Condition, ImageSet
from priorkit.plugins import caption_words
from priorkit.plugins.wording import in_one_line

__all__ = ["TextReading", "TokenTable", "read_texts_in_browsers", "token_table"]

_TOLERANCE = 1e-3
_NONSENSE = "qzxvkjwq"
"""A word of no language, to find the tokens of unknown words."""
_LETTERS = "".join(map(chr, range(32, 127)))
_MOST_PARTS = 20_000
_LONGEST = 200
"""Maximal number of characters of torch's message to show."""
_CHECKED = 50
"""Number of captions to try a table on."""


@dataclass(frozen=True)
class TokenTable:
    """A table of the tokens of a text's parts.

    Attributes:
        parts: The kind of parts: `words` or `characters`, in lower case.
        tokens: The tokens of each part.
        unknown: The tokens of a part that is not in the table.
        length: Maximal number of tokens of a text; further tokens are cut off.
    """

    parts: str
    tokens: dict[str, list[int]]
    unknown: list[int]
    length: int

    def of(self, text: str) -> list[int]:
        """Returns the tokens of a text."""
        parts = caption_words(text) if self.parts == "words" else list(text.lower())
        return [token for part in parts for token in self.tokens.get(part, self.unknown)][: self.length]

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return vars(self).copy()


@dataclass(frozen=True)
class TextReading:
    """A text encoder for browsers.

    Attributes:
        table: The table from texts to tokens.
        graph: An ONNX file from tokens, int64 (1, length), to s, float32 (1, dim).
    """

    table: TokenTable
    graph: bytes


class _Vectors(nn.Module):
    """Turns tokens (1, length) into s (1, dim)."""

    def __init__(self, condition: Condition) -> None:
        super().__init__()
        self.condition = condition

    def forward(self, tokens: Tensor) -> Tensor:
        return self.condition.vectors(tokens)


def _entries(condition: Condition, texts: Sequence[str]) -> Tensor:
    """Returns the tokens of texts in the condition's own form: integers (N, length), with 0 for no token.

    Raises:
        TypeError: The condition's entries are not tokens.
    """
    blank = torch.zeros(len(texts), 1, 16, 16, dtype=torch.uint8)
    entries = condition.entries(ImageSet(blank, captions=Captions([[text] for text in texts])))
    if entries.ndim not in (2, 3) or entries.is_floating_point():
        raise TypeError("the condition's entries are not tokens")
    return entries[:, 0] if entries.ndim == 3 else entries


def _tokens(condition: Condition, texts: Sequence[str]) -> list[list[int]]:
    return [[token for token in row if token] for row in _entries(condition, texts).tolist()]


def token_table(condition: Condition, captions: Sequence[str], vocabulary: Sequence[str]) -> TokenTable | None:
    """Finds the table by which a condition turns texts into tokens, and tries it on captions.

    Args:
        condition: A condition that reads texts.
        captions: Captions to try the table on, at least one.
        vocabulary: The words that the run has learned.

    Returns:
        The table; None if no table gives the condition's tokens.
    """
    checked = list(captions[:_CHECKED])
    expected = _tokens(condition, checked)
    length = _entries(condition, checked[:1]).shape[1]
    words = list(dict.fromkeys([*vocabulary, *(word for text in captions for word in caption_words(text))]))
    for table in (_by_words(condition, words, length), _by_characters(condition, length)):
        if table is not None and [table.of(text) for text in checked] == expected:
            return table
    return None


def _by_words(condition: Condition, words: list[str], length: int) -> TokenTable | None:
    if not 0 < len(words) <= _MOST_PARTS:
        return None
    unknown, *found = _tokens(condition, [_NONSENSE, *words])
    if len(unknown) > 1:
        # The encoder splits words into pieces, which only itself can do.
        return None
    return TokenTable("words", dict(zip(words, found, strict=True)), unknown, length)


def _by_characters(condition: Condition, length: int) -> TokenTable | None:
    """Finds the tokens of characters, each between two others, because a text of blanks counts as empty."""
    ends, *found = _tokens(condition, ["aa", *(f"a{letter}a" for letter in _LETTERS.lower())])
    if len(ends) != 2 or any([*each[:1], *each[-1:]] != ends for each in found):
        return None
    return TokenTable("characters", {k: v[1:-1] for k, v in zip(_LETTERS.lower(), found, strict=True)}, [], length)


def read_texts_in_browsers(
    condition: Condition,
    captions: Sequence[str],
    vocabulary: Sequence[str],
    tell: Callable[[str], None] = lambda doing: None,
) -> TextReading | str:
    """Exports the text encoder of a condition.

    Args:
        condition: A condition that reads texts, on the CPU.
        captions: Captions of the run's data, to try the export on.
        vocabulary: The words that the run has learned.
        tell: Called with a text before each part of the work.

    Returns:
        The text encoder for browsers; or the reason why a page cannot read texts.
    """
    if not captions:
        return "there are no captions to try the text encoder on"
    tell("exporting the text encoder")
    try:
        table = token_table(condition, captions, vocabulary)
        if table is None:
            return "its text encoder splits words into pieces"
        module = _Vectors(condition).eval()
        tokens = torch.zeros(1, table.length, dtype=torch.int64)
        read = table.of(captions[0])
        tokens[0, : len(read)] = torch.tensor(read, dtype=torch.int64)
        graph = onnx_bytes(capture(module, (tokens,), batches=False), ["tokens"], "s", "", batches=False)
        run = onnx_runner(graph)
        expected = condition.of_texts([captions[0]])
        if run is not None and not bool(((run([tokens]) - expected).abs() < _TOLERANCE * expected.abs().max()).all()):
            return "the results of the exported text encoder differ"
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return f"its text encoder cannot be exported ({in_one_line(f'{type(error).__name__}: {error}', _LONGEST)})"
    return TextReading(table, graph)
