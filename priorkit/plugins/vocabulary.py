"""The words of captions."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

__all__ = ["caption_words", "vocabulary_of"]

_APOSTROPHES = "'\u2019\u02bc"
"""Apostrophes, as in `bird's`: the ASCII, the typographic and the modifier letter."""


def caption_words(caption: str) -> list[str]:
    """The words of a caption, in order, in lower case.

    A word is a run of letters, combining marks and digits, in any script, with apostrophes in between. All other
    characters (punctuation, hyphens, emoji) separate words and are left out. In scripts without spaces, each run counts
    as one word.

    Args:
        caption: Any text.

    Examples:
        >>> from priorkit.plugins import caption_words
        >>> caption_words("The bird's wing-bars are WHITE, its eyes 2 x 3 mm.")
        ['the', "bird's", 'wing', 'bars', 'are', 'white', 'its', 'eyes', '2', 'x', '3', 'mm']
    """
    # A letter with marks may be one character or several; NFC composes them, and lower-casing may decompose them again.
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", caption).lower())
    spaced = "".join(
        "'" if character in _APOSTROPHES else character if unicodedata.category(character)[0] in "LMN" else " "
        for character in text
    )
    return [word for word in (part.strip("'") for part in spaced.split()) if word]


def vocabulary_of(captions: Iterable[str], limit: int | None = None) -> tuple[str, ...]:
    """The words of captions, most frequent first; equally frequent words in order of their characters.

    Args:
        captions: The captions.
        limit: Maximal number of words; None for all.

    Examples:
        >>> from priorkit.plugins import vocabulary_of
        >>> vocabulary_of(["a red bird", "a blue bird", "a fish"], limit=4)
        ('a', 'bird', 'blue', 'fish')
    """
    counts: Counter[str] = Counter()
    # Many images may have the same caption.
    for caption, times in Counter(captions).items():
        for word in caption_words(caption):
            counts[word] += times
    return tuple(sorted(counts, key=lambda word: (-counts[word], word))[:limit])
