"""The words of captions."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

__all__ = ["caption_words", "vocabulary_of"]

_APOSTROPHES = "'\u2019\u02bc"
"""The typewriter's, the typographic one and the letter, all of which stand within words: `bird's`."""


def caption_words(caption: str) -> list[str]:
    """The words of a caption, in its order, in lower case.

    A word is a run of letters, of their marks, and of digits, in any script, with apostrophes between them. What else
    there is (punctuation, hyphens, emoji) parts words, and is left out. A script that is written without spaces has one
    word in each run.

    Args:
        caption: Any text.

    Examples:
        >>> from priorkit.plugins import caption_words
        >>> caption_words("The bird's wing-bars are WHITE, its eyes 2 x 3 mm.")
        ['the', "bird's", 'wing', 'bars', 'are', 'white', 'its', 'eyes', '2', 'x', '3', 'mm']
    """
    # Letters may be written with their marks or in one character (NFC), and lower case may part them anew.
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", caption).lower())
    spaced = "".join(
        "'" if character in _APOSTROPHES else character if unicodedata.category(character)[0] in "LMN" else " "
        for character in text
    )
    return [word for word in (part.strip("'") for part in spaced.split()) if word]


def vocabulary_of(captions: Iterable[str], limit: int | None = None) -> tuple[str, ...]:
    """The words of captions, the most frequent ones first, and in the order of their characters where they are equal.

    Args:
        captions: The captions.
        limit: How many words to give at most; None for all.

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
