"""Code that is one word, such as an option, stays in one piece: site.css breaks no line within."""

import re

__all__ = ["whole_words"]

_LONGEST = 36  # A narrow screen has room for so many characters.


def whole_words(html: str) -> str:
    """Gives code elements that are one short word the class `word`."""
    return re.sub(rf"<code>(?=[^<\s]{{1,{_LONGEST}}}</code>)", '<code class="word">', html)
