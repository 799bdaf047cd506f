"""Keeps code that is one word, such as an option, in one piece: site.css breaks no line within it."""

import re

__all__ = ["whole_words"]

_LONGEST = 36  # A narrow screen has room for this many characters.


def whole_words(html: str) -> str:
    """Adds the class `word` to code elements that are one short word."""
    return re.sub(rf"<code>(?=[^<\s]{{1,{_LONGEST}}}</code>)", '<code class="word">', html)
