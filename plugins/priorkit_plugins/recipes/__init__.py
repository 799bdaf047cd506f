"""The recipes that come with priorkit: one TOML file each, in this folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

from priorkit.plugins import Recipe, hookimpl

__all__ = ["priorkit_recipes"]


def _read(path: Path) -> Recipe:
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    about = settings.pop("recipe")
    return Recipe(path.stem, summary=about["summary"], source=about["source"], settings=settings)


@hookimpl
def priorkit_recipes() -> list[Recipe]:
    """Supplies every recipe of this folder, named by its file."""
    return [_read(path) for path in sorted(Path(__file__).parent.glob("*.toml"))]
