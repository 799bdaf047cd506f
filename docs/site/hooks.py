"""Hooks of mkdocs: they add the pages at the repository's root, and text generated from priorkit itself.

A comment on a page marks the place of generated text: `<!-- generated: components prior -->`.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from command_help import help_of
from contracts import checks_of
from gallery_page import gallery_of
from mkdocs.structure.files import File, Files
from public_names import names_of
from reference_pages import builtin_registry, components_of, recipes_of, settings_of_runs
from root_pages import ROOT_PAGES, as_page
from whole_words import whole_words

__all__ = ["on_files", "on_page_content", "on_page_markdown"]

_ROOT = Path(__file__).resolve().parents[2]
_GENERATORS: dict[str, Callable[[str], str]] = {
    "api": names_of,
    "checks": checks_of,
    "components": lambda slot: components_of(slot, builtin_registry()),
    "gallery": lambda _: gallery_of(builtin_registry()),
    "help": help_of,
    "recipes": lambda _: recipes_of(builtin_registry()),
    "settings": lambda _: settings_of_runs(),
}

# Ranks the pages that describe options above others that contain the same words.
_WEIGHTS = {"components.md": 4, "commands.md": 2, "api": 0.5, "changelog.md": 0.2}


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Adds the pages at the repository's root."""
    for source, page in ROOT_PAGES.items():
        text = as_page((_ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Inserts generated text, and sets the page's weight in searches.

    Raises:
        KeyError: A comment names an unknown kind of generated text.
    """
    folder = page.file.src_uri.rpartition("/")[0]
    page.meta["search"] = {"boost": _WEIGHTS.get(page.file.src_uri, _WEIGHTS.get(folder, 1))}
    return re.sub(
        r"^<!-- generated: (?P<what>\w+) ?(?P<of>.*?) -->$",
        lambda found: _GENERATORS[found["what"]](found["of"]),
        markdown,
        flags=re.MULTILINE,
    )


def on_page_content(html: str, **_: Any) -> str:
    """Marks options and names, so that no line breaks within them."""
    return whole_words(html)
