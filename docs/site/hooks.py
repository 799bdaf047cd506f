"""What mkdocs does beside its own: pages of the repository's root, and what is generated from priorkit itself.

A page says where by a comment: `<!-- generated: components prior -->`.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from command_help import help_of
from contracts import checks_of
from mkdocs.structure.files import File, Files
from public_names import names_of
from reference_pages import builtin_registry, components_of, recipes_of, settings_of_runs
from root_pages import ROOT_PAGES, as_page

__all__ = ["on_files", "on_page_content", "on_page_markdown"]

_ROOT = Path(__file__).resolve().parents[2]
_GENERATORS: dict[str, Callable[[str], str]] = {
    "api": names_of,
    "checks": checks_of,
    "components": lambda slot: components_of(slot, builtin_registry()),
    "help": help_of,
    "recipes": lambda _: recipes_of(builtin_registry()),
    "settings": lambda _: settings_of_runs(),
}


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Adds the pages that lie at the repository's root."""
    for source, page in ROOT_PAGES.items():
        text = as_page((_ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts in what is generated.

    Raises:
        KeyError: Nothing of that name is generated.
    """
    return re.sub(
        r"^<!-- generated: (?P<what>\w+) ?(?P<of>.*?) -->$",
        lambda found: _GENERATORS[found["what"]](found["of"]),
        markdown,
        flags=re.MULTILINE,
    )


def on_page_content(html: str, **_: Any) -> str:
    """Marks code that is one word, such as an option: site.css keeps such words in one piece."""
    return re.sub(r"<code>(?=[^<\s]{1,36}</code>)", '<code class="word">', html)
