"""The recipe `plug-in-name`, with its settings in a TOML file in this folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

from priorkit.plugins import Recipe, hookimpl

__all__ = ["priorkit_recipes"]


@hookimpl
def priorkit_recipes() -> list[Recipe]:
    """Supplies the recipe `plug-in-name`."""
    text = (Path(__file__).parent / "plug-in-name.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)
    about = settings.pop("recipe")
    return [Recipe("plug-in-name", about["summary"], about["source"], settings)]
