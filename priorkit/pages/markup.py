"""Elements of a page as HTML.

`Html` is a string that is HTML already. Its methods escape all other texts: `Html("<p>{}</p>").format(text)`,
`Html("").join(texts)`. F-strings escape nothing, so HTML is never made by them.
"""

import base64
import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from markupsafe import Markup as Html

__all__ = [
    "Html",
    "data_url",
    "definitions",
    "file_link",
    "fold",
    "json_island",
    "picture",
    "section",
    "table",
]

_TYPES = {b"\x89PNG": "image/png", b"RIFF": "image/webp", b"\xff\xd8\xff": "image/jpeg"}


def json_island(identifier: str, value: Any) -> Html:
    """Returns an element with data for the page's scripts; the data cannot end the element.

    Args:
        identifier: The element's id.
        value: Plain values; all numbers must be finite.

    Raises:
        ValueError: A number is not finite, which JSON cannot represent.
    """
    # Script elements have no entities, and only `<` could begin the end of the element or a comment.
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return Html('<script type="application/json" id="{}">{}</script>').format(identifier, Html(text))


def section(heading: str, *parts: Html, identifier: str = "") -> Html:
    """Returns a part of the page with a heading; empty if it has no content."""
    inside = Html("").join(parts)
    if not inside:
        return inside
    known = Html(' id="{}"').format(identifier) if identifier else ""
    return Html("<section{}><h2>{}</h2>{}</section>").format(known, heading, inside)


def fold(summary: str, *parts: Html) -> Html:
    """Returns content that is hidden until the reader unfolds it."""
    return Html("<details><summary>{}</summary>{}</details>").format(summary, Html("").join(parts))


def definitions(items: Iterable[tuple[str, object]]) -> Html:
    """Returns names and values, one pair on each line."""
    cells = (Html("<div><dt>{}</dt><dd>{}</dd></div>").format(name, value) for name, value in items)
    return Html("<dl>{}</dl>").format(Html("").join(cells))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, marked: Collection[int] = ()) -> Html:
    """Returns a table of texts or `Html`; the first column is the row's heading, and numbers are aligned to the right.

    Args:
        header: The columns' titles.
        rows: The cells of each row.
        marked: Indices of highlighted rows, from 0.
    """
    head = Html("").join(Html('<th scope="col">{}</th>').format(name) for name in header)
    body = []
    for place, (first, *others) in enumerate(rows):
        cells = Html("").join(Html("<td{}>{}</td>").format(_number(cell), cell) for cell in others)
        kind = Html(' class="marked"') if place in marked else ""
        body.append(Html('<tr{}><th scope="row">{}</th>{}</tr>').format(kind, first, cells))
    return Html('<div class="wide"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        head, Html("").join(body)
    )


def file_link(words: str, path: PurePath) -> Html:
    """Returns a link to a file in the page's folder, or below it.

    Args:
        words: The text of the link.
        path: The file's path, relative to the page's folder.
    """
    return Html('<a href="{}">{}</a>').format(quote(path.as_posix()), words)


def _number(cell: str) -> Html:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return Html("")
    return Html(' class="number"')


def data_url(content: bytes) -> str:
    """Returns a PNG, WebP or JPEG file as a data URL."""
    kind = next((name for start, name in _TYPES.items() if content.startswith(start)), "image/png")
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def picture(content: bytes, caption: str, *, note: str = "", pixels: bool = True) -> Html:
    """Returns a picture with its caption.

    Args:
        content: A PNG, WebP or JPEG file.
        caption: The caption, which is also the alternative text.
        note: A note below the caption.
        pixels: Whether enlarged pixels stay sharp squares, as is best for a model's small images.
    """
    style = Html(' class="pixels"') if pixels else ""
    more = Html(" <small>{}</small>").format(note) if note else ""
    return Html('<figure><img{} alt="{}" src="{}"><figcaption>{}{}</figcaption></figure>').format(
        style, caption, data_url(content), caption, more
    )
