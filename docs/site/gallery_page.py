"""Makes the page of samples of every recipe from the pictures and facts that `gallery.py` wrote."""

import html
import json
import re
from pathlib import Path
from typing import Any

from priorkit.registry import Registry

__all__ = ["gallery_of"]

_FACTS = Path(__file__).resolve().parents[1] / "pictures/gallery/facts.json"


def gallery_of(registry: Registry) -> str:
    """Returns a card for each recipe: its samples, summary, commands, training time and reconstruction error.

    Raises:
        KeyError: `gallery.py` has not yet trained one of the recipes.
    """
    facts = json.loads(_FACTS.read_text(encoding="utf-8"))
    cards = [_card(recipe.name, recipe.summary, facts[recipe.name]) for recipe in registry.recipes()]
    return "\n\n".join(['<div class="gallery" markdown="1">', *cards, "</div>"])


def _card(name: str, summary: str, facts: dict[str, Any]) -> str:
    error = facts["reconstruction_error"]
    measured = f"{facts['seconds']} s" + ("" if error is None else f", reconstruction error {error:.3f}")
    return "\n\n".join(
        [
            '<div class="card" markdown="1">',
            f"### `{name}` {{ #{name} }}",
            f'![Samples of {name}](pictures/gallery/{name}.png){{ width="231" loading="lazy" }}',
            f"{summary[:1].upper()}{summary[1:]} ([settings](systems.md#recipe-{name})).",
            f'<div class="commands">{_command(facts["train"])}{_command(facts["sample"])}</div>',
            f"{measured}.",
            "</div>",
        ]
    )


def _command(command: str) -> str:
    """Returns a command as HTML whose lines break between words, and after the commas of lists."""
    words = [re.split("(?<=,)", word) for word in html.escape(command, quote=False).split(" ")]
    return f"<code>{' '.join('<wbr>'.join(f'<span>{part}</span>' for part in word) for word in words)}</code>"
