"""Elements of a page, as HTML text; whatever comes from outside is escaped here."""

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
    """HTML where a text could stand: what it holds has been escaped already."""

    __slots__ = ()


def text_of(value: object) -> str:
    """A value as text in HTML, also within a quoted attribute."""
    return html.escape(str(value))


def json_island(identifier: str, value: Any) -> str:
    """Data for the page's scripts, which nothing in it can end.

    Args:
        identifier: The element's id.
        value: Plain values without numbers that are not finite.

    Raises:
        ValueError: A number is not finite, which JSON cannot say.
    """
    # Inside a script element nothing is an entity, and only `<` could begin its end or a comment.
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{text_of(identifier)}">{text}</script>'


def section(heading: str, *parts: str, identifier: str = "") -> str:
    """A part of the page with a heading; nothing where it holds nothing."""
    inside = "".join(parts)
    if not inside:
        return ""
    known = f' id="{text_of(identifier)}"' if identifier else ""
    return f"<section{known}><h2>{text_of(heading)}</h2>{inside}</section>"


def fold(summary: str, *parts: str) -> str:
    """What is shown where the reader unfolds it."""
    return f"<details><summary>{text_of(summary)}</summary>{''.join(parts)}</details>"


def definitions(items: Iterable[tuple[str, object]]) -> str:
    """Names and values, a line each."""
    cells = (f"<div><dt>{text_of(name)}</dt><dd>{text_of(value)}</dd></div>" for name, value in items)
    return f"<dl>{''.join(cells)}</dl>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, marked: Collection[int] = ()) -> str:
    """A table of texts or `Html`; the first column names the row, and numbers stand to the right.

    Args:
        header: What the columns are called.
        rows: Their cells.
        marked: The places of rows that are to be seen first, counted from 0.
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
    """A link to a file beside the page, or below its folder.

    Args:
        words: What is read.
        path: Where the file lies, from the page's folder.
    """
    return Html(f'<a href="{text_of(quote(path.as_posix()))}">{text_of(words)}</a>')


def _number(cell: str) -> str:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return ""
    return ' class="number"'


def data_url(content: bytes) -> str:
    """A PNG, WebP or JPEG file as an address that holds it."""
    kind = next((name for start, name in _TYPES.items() if content.startswith(start)), "image/png")
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def picture(content: bytes, caption: str, *, note: str = "", pixels: bool = True) -> str:
    """A picture with its caption.

    Args:
        content: A PNG, WebP or JPEG file.
        caption: What it shows, for everybody.
        note: What else is to be said of it.
        pixels: Whether its pixels stay squares where it is enlarged, as small images of a model need.
    """
    style = ' class="pixels"' if pixels else ""
    more = f" <small>{text_of(note)}</small>" if note else ""
    return (
        f'<figure><img{style} alt="{text_of(caption)}" src="{data_url(content)}">'
        f"<figcaption>{text_of(caption)}{more}</figcaption></figure>"
    )
