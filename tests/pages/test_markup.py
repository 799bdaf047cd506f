import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

import priorkit
from priorkit.pages import (
    Html,
    Panel,
    Point,
    PointGroup,
    curve_figure,
    definitions,
    file_link,
    fold,
    html_page,
    json_island,
    picture,
    scatter_figure,
    section,
    table,
)

EVIL = '</script><script>alert("x")</script>'


@pytest.mark.parametrize(
    "made",
    [
        section(EVIL, EVIL, identifier=EVIL),
        fold(EVIL, EVIL),
        definitions([(EVIL, EVIL)]),
        table([EVIL], [[EVIL, EVIL]]),
        file_link(EVIL, PurePath(EVIL)),
        picture(b"\x89PNG", EVIL, note=EVIL),
    ],
)
def test_names_cannot_bring_scripts(made: str) -> None:
    assert "<script" not in made
    assert "</script" not in made
    assert '"x"' not in made


def page_of(text: str) -> str:
    """A page with a text in every place where one can stand."""
    return html_page(
        text,
        text,
        [
            section(text, text, identifier=text),
            fold(text, text),
            definitions([(text, text)]),
            table([text, text], [[text, text]]),
            file_link(text, PurePath(text)),
            picture(b"\x89PNG", text, note=text),
            curve_figure(Panel(text, text, text, {text: [(0.0, 1.0)]}), text),
            scatter_figure(text, [PointGroup(text, [Point(text, 1.0, text)])], text, across=text, up=text),
            text,
        ],
    )


class Outline(HTMLParser):
    """The tags of a page, with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))


@given(st.text("<>&\"'/!-=; abiscript") | st.text())
def test_no_text_becomes_markup(text: str) -> None:
    # The letter keeps texts from being numbers, whose cells have a class.
    page = page_of(f"x{text}")
    assert isinstance(page, Html)
    assert Outline(page).found == Outline(page_of("x")).found


def test_html_is_not_made_by_f_strings() -> None:
    """They would not escape what they insert."""
    root = Path(priorkit.__file__).parent
    tags = re.compile(r"(?<!\?P)</?[a-z][a-z0-9]*(\s[^<>]*)?/?>|<[a-z][a-z0-9]*\s[a-z-]+=")
    made = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        and tags.search("".join(part.value for part in node.values if isinstance(part, ast.Constant)))
    ]
    assert made == []


def test_data_cannot_end_its_script() -> None:
    made = json_island("data", {EVIL: [EVIL, "<!--"]})
    assert made.count("</script>") == 1
    inside = made.removeprefix('<script type="application/json" id="data">').removesuffix("</script>")
    assert "<" not in inside
    assert json.loads(inside) == {EVIL: [EVIL, "<!--"]}


def test_data_without_finite_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_island("data", [float("nan")])


def test_numbers_stand_to_the_right() -> None:
    assert '<td class="number">1,024</td><td>fine</td>' in table(["run", "a", "b"], [["x", "1,024", "fine"]])


@pytest.mark.parametrize(
    ("content", "kind"), [(b"\x89PNG..", "png"), (b"RIFF....WEBP", "webp"), (b"\xff\xd8\xff\xe0", "jpeg")]
)
def test_pictures_carry_their_type(content: bytes, kind: str) -> None:
    assert f'src="data:image/{kind};base64,' in picture(content, "a picture")


def test_an_empty_section_is_nothing() -> None:
    assert section("Warnings", "", "") == ""


def test_links_and_marked_rows_in_tables() -> None:
    link = file_link("a & b", PurePath("a & b", "report.html"))
    assert link == '<a href="a%20%26%20b/report.html">a &amp; b</a>'
    made = table(["x", "y"], [["1", link], ["2", "<b>"]], marked={1})
    assert f"<td>{link}</td>" in made
    assert '<tr class="marked"><th scope="row">2</th><td>&lt;b&gt;</td></tr>' in made
    assert made.count("marked") == 1
    assert isinstance(link, Html)
