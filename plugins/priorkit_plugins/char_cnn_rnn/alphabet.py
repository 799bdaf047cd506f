"""The alphabet of the text encoder of characters."""

import unicodedata
from collections.abc import Sequence

__all__ = ["ALPHABET", "OTHER", "character_ids", "unwritable_words"]

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+=<>()[]{} "
"""Letters, digits, punctuation and space (Zhang et al. 2015); with the token of all others, 70."""

OTHER = len(ALPHABET) + 1
"""The token of a character that is not in the alphabet."""

_TOKENS = {character: token for token, character in enumerate(ALPHABET, 1)}
_TYPEWRITTEN = str.maketrans("\u2018\u2019\u02bc\u201c\u201d\u2010\u2011\u2012\u2013\u2014", "'''\"\"-----")


def _written(caption: str) -> str:
    """A caption normalised for the alphabet: in lower case, without accents, with simple quotation marks."""
    parted = unicodedata.normalize("NFKD", caption.translate(_TYPEWRITTEN).lower())
    plain = "".join(character for character in parted if unicodedata.category(character) != "Mn")
    return " ".join(plain.split())


def character_ids(caption: str) -> Sequence[int]:
    """The tokens of a caption, at least 1: one for each character of the normalised caption."""
    return [_TOKENS.get(character, OTHER) for character in _written(caption)]


def unwritable_words(caption: str) -> tuple[str, ...]:
    """The words of a caption with a character outside the alphabet, in order, each once."""
    return tuple(dict.fromkeys(word for word in caption.split() if OTHER in character_ids(word)))
