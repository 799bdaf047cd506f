"""Elements of a page as HTML text; texts from outside are escaped here."""

import base64
import html
import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

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
    "text_of",
]

_TYPES = {b"\x89PNG": "image/png", b"RIFF": "image/webp", b"\xff\xd8\xff": "image/jpeg"}


class Html(str):
    """HTML in the place of a text: its content is escaped already."""

    __slots__ = ()


def text_of(value: object) -> str:
    """Escapes a value as text in HTML, also within a quoted attribute."""
    return html.escape(str(value))


def json_island(identifier: str, value: Any) -> str:
    """Returns an element with data for the page's scripts; the data cannot end the element.

    Args:
        identifier: The element's id.
        value: Plain values; all numbers must be finite.

    Raises:
        ValueError: A number is not finite, which JSON cannot represent.
    """
    # Script elements have no entities, and only `<` could begin the end of the element or a comment.
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{text_of(identifier)}">{text}</script>'


def section(heading: str, *parts: str, identifier: str = "") -> str:
    """Returns a part of the page with a heading; empty if it has no content."""
    inside = "".join(parts)
    if not inside:
        return ""
    known = f' id="{text_of(identifier)}"' if identifier else ""
    return f"<section{known}><h2>{text_of(heading)}</h2>{inside}</section>"


def fold(summary: str, *parts: str) -> str:
    """Returns content that is hidden until the reader unfolds it."""
    return f"<details><summary>{text_of(summary)}</summary>{''.join(parts)}</details>"


def definitions(items: Iterable[tuple[str, object]]) -> str:
    """Returns names and values, one pair on each line."""
    cells = (f"<div><dt>{text_of(name)}</dt><dd>{text_of(value)}</dd></div>" for name, value in items)
    return f"<dl>{''.join(cells)}</dl>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, marked: Collection[int] = ()) -> str:
    """Returns a table of texts or `Html`; the first column is the row's heading, and numbers are aligned to the right.

    Args:
        header: The columns' titles.
        rows: The cells of each row.
        marked: Indices of highlighted rows, from 0.
    """
    head = "".join(f'<th scope="col">{text_of(name)}</th>' for name in header)
    body = []
    for place, (first, *others) in enumerate(rows):
        cells = "".join(f"<td{_number(cell)}>{_inside(cell)}</td>" for cell in others)
        kind = ' class="marked"' if place in marked else ""
        body.append(f'<tr{kind}><th scope="row">{_inside(first)}</th>{cells}</tr>')
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _inside(cell: str) -> str:
    return cell if isinstance(cell, Html) else text_of(cell)


def file_link(words: str, path: PurePath) -> Html:
    """Returns a link to a file in the page's folder, or below it.

    Args:
        words: The text of the link.
        path: The file's path, relative to the page's folder.
    """
    return Html(f'<a href="{text_of(quote(path.as_posix()))}">{text_of(words)}</a>')


def _number(cell: str) -> str:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return ""
    return ' class="number"'


def data_url(content: bytes) -> str:
    """Returns a PNG, WebP or JPEG file as a data URL."""
    kind = next((name for start, name in _TYPES.items() if content.startswith(start)), "image/png")
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def picture(content: bytes, caption: str, *, note: str = "", pixels: bool = True) -> str:
    """Returns a picture with its caption.

    Args:
        content: A PNG, WebP or JPEG file.
        caption: The caption, which is also the alternative text.
        note: A note below the caption.
        pixels: Whether enlarged pixels stay sharp squares, as is best for a model's small images.
    """
    style = ' class="pixels"' if pixels else ""
    more = f" <small>{text_of(note)}</small>" if note else ""
    return (
        f'<figure><img{style} alt="{text_of(caption)}" src="{data_url(content)}">'
        f"<figcaption>{text_of(caption)}{more}</figcaption></figure>"
    )
