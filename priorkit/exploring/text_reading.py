"""A run's text encoder for browsers: a table that turns texts into tokens, and a network that turns tokens into s."""

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
"""A word of no language, whose tokens are those of unknown words."""
_LETTERS = "".join(map(chr, range(32, 127)))
_MOST_PARTS = 20_000
_LONGEST = 200
"""Characters of what torch says."""
_CHECKED = 50
"""Captions on which a table is tried."""


@dataclass(frozen=True)
class TokenTable:
    """Tokens of texts, part by part.

    Attributes:
        parts: Whether a text's parts are its `words` or its `characters`, in lower case.
        tokens: The tokens of each part.
        unknown: The tokens of a part that is not in the table.
        length: Tokens of a text, at most; those beyond are cut off.
    """

    parts: str
    tokens: dict[str, list[int]]
    unknown: list[int]
    length: int

    def of(self, text: str) -> list[int]:
        """The tokens of a text."""
        parts = caption_words(text) if self.parts == "words" else list(text.lower())
        return [token for part in parts for token in self.tokens.get(part, self.unknown)][: self.length]

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return vars(self).copy()


@dataclass(frozen=True)
class TextReading:
    """What a browser needs to read texts.

    Attributes:
        table: From texts to tokens.
        graph: An ONNX file from tokens, int64 (1, length), to s, float32 (1, dim).
    """

    table: TokenTable
    graph: bytes


class _Vectors(nn.Module):
    """From tokens (1, length) to s (1, dim)."""

    def __init__(self, condition: Condition) -> None:
        super().__init__()
        self.condition = condition

    def forward(self, tokens: Tensor) -> Tensor:
        return self.condition.vectors(tokens)


def _entries(condition: Condition, texts: Sequence[str]) -> Tensor:
    """The tokens of texts as the condition keeps them: integers (N, length), of which 0 is none.

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
    """Finds how a condition turns texts into tokens, and tries it on captions; None where no table does it.

    Args:
        condition: A condition that reads texts.
        captions: Texts to try it on, at least one.
        vocabulary: The words that the run has learned.
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
        # Words fall into pieces: which, only the encoder knows.
        return None
    return TokenTable("words", dict(zip(words, found, strict=True)), unknown, length)


def _by_characters(condition: Condition, length: int) -> TokenTable | None:
    """A text of blanks is none, so each character stands between two others."""
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
    """Exports what turns texts into s; or says why a page cannot read texts.

    Args:
        condition: A condition that reads texts, on the CPU.
        captions: Texts of the run's data, by which it is tried.
        vocabulary: The words that the run has learned.
        tell: Is told what is being done.
    """
    if not captions:
        return "there are no captions to try the text encoder on"
    tell("exporting the text encoder")
    try:
        table = token_table(condition, captions, vocabulary)
        if table is None:
            return "its text encoder parts words into pieces"
        module = _Vectors(condition).eval()
        tokens = torch.zeros(1, table.length, dtype=torch.int64)
        read = table.of(captions[0])
        tokens[0, : len(read)] = torch.tensor(read, dtype=torch.int64)
        graph = onnx_bytes(capture(module, (tokens,), batches=False), ["tokens"], "s", "", batches=False)
        run = onnx_runner(graph)
        expected = condition.of_texts([captions[0]])
        if run is not None and not bool(((run([tokens]) - expected).abs() < _TOLERANCE * expected.abs().max()).all()):
            return "its text encoder computes something else as a file"
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return f"its text encoder cannot be exported ({in_one_line(f'{type(error).__name__}: {error}', _LONGEST)})"
    return TextReading(table, graph)
