"""Links between pages, and to files, lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples/README.md"]
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


def _anchors(text: str) -> set[str]:
    """The anchors that headings get, on the site and on GitHub."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page):
    text = page.read_text(encoding="utf-8")
    for match in _LINK.finditer(_CODE.sub("code", text)):
        path, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", match["target"]):
            assert path.startswith("https://")
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), f"{match['target']} leads out of the repository"
        assert target.exists(), f"there is no {match['target']}"
        if anchor:
            assert anchor in _anchors(target.read_text(encoding="utf-8")), f"{target.name} has no heading {anchor}"


def test_every_page_is_in_the_sites_navigation():
    navigation = (ROOT / "docs/site/mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f": {page.relative_to(ROOT / 'docs')}\n" in navigation
