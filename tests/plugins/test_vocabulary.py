"""The words of captions."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorkit.plugins import caption_words, vocabulary_of

WORDS = [
    ("A red bird, and a BLUE one.", ["a", "red", "bird", "and", "a", "blue", "one"]),
    ("black-and-white wings/tail", ["black", "and", "white", "wings", "tail"]),
    ("the bird\u2019s beak isn't 'long'", ["the", "bird's", "beak", "isn't", "long"]),
    ("E\u0301COLE \u00e9cole", ["\u00e9cole", "\u00e9cole"]),
    # Devanagari vowels are marks, without which no word is left whole.
    (
        "\u0928\u0940\u0932\u093e \u092a\u0915\u094d\u0937\u0940",
        ["\u0928\u0940\u0932\u093e", "\u092a\u0915\u094d\u0937\u0940"],
    ),
    ("3 petals, 2.5cm", ["3", "petals", "2", "5cm"]),
    ("snake_case <b>", ["snake", "case", "b"]),
    ("\U0001f426 ... ' \x00 ", []),
    ("", []),
]


@pytest.mark.parametrize(("caption", "words"), WORDS)
def test_words_of_a_caption(caption: str, words: list[str]) -> None:
    assert caption_words(caption) == words


@given(st.text())
def test_words_are_words_of_themselves(caption: str) -> None:
    words = caption_words(caption)
    assert caption_words(" ".join(words)) == words
    assert all(word and not any(letter.isspace() for letter in word) for word in words)


@given(st.lists(st.text(alphabet="ab ", max_size=8), max_size=6), st.integers(0, 5))
def test_a_vocabulary_has_the_most_frequent_words_first(captions: list[str], limit: int) -> None:
    counts = Counter(word for caption in captions for word in caption.split())
    found = vocabulary_of(captions)
    assert set(found) == set(counts)
    for first, second in pairwise(found):
        assert counts[first] > counts[second] or (counts[first] == counts[second] and first < second)
    assert vocabulary_of(captions, limit) == found[:limit]


def test_a_vocabulary_does_not_depend_on_the_order_of_captions() -> None:
    captions = ["a red bird", "a blue bird", "a fish"]
    assert vocabulary_of(captions) == vocabulary_of(iter(captions[::-1])) == ("a", "bird", "blue", "fish", "red")
