"""Makes Markdown of priorkit's own components, recipes and settings, from the registry."""

import re
from collections.abc import Iterable

import tomli_w

from priorkit.config import FieldDescription, RunConfig, describe_fields
from priorkit.plugins import Recipe
from priorkit.registry import Registered, Registry, load_plugins

__all__ = ["builtin_registry", "components_of", "recipes_of", "settings_of_runs"]


def builtin_registry() -> Registry:
    """Returns a registry of the built-in plug-ins only, whatever else is installed."""
    return Registry(*load_plugins(environment={"PRIORKIT_PLUGINS": "", "PRIORKIT_STRICT_PLUGINS": "1"}))


def components_of(slot: str, registry: Registry) -> str:
    """Returns a section for each component of a kind: its summary, its source, and a table of its options."""
    return "\n\n".join(_component(item) for item in registry.components(slot))


def recipes_of(registry: Registry) -> str:
    """Returns a section for each recipe: its summary, its source, and its settings as TOML."""
    return "\n\n".join(_recipe(recipe) for recipe in registry.recipes())


def settings_of_runs() -> str:
    """Returns a table of a run's settings, without the options of components."""
    rows = [(_code(".".join(item.path)), *_described(item)) for item in describe_fields(RunConfig)]
    return _table(("setting", "type", "default", "meaning"), rows)


def _component(registered: Registered) -> str:
    component, slot = registered.component, registered.slot
    options = describe_fields(component.options, registered.table)
    heading = f"### `{component.name}` {{ #{slot.replace('_', '-')}-{component.name} }}"
    about = [heading, _sentence(component.summary), f"Source: {_linked(component.source)}"]
    if not options:
        return "\n\n".join([*about, "No options."])
    rows = [(_code(item.flag), *_described(item)) for item in options]
    return "\n\n".join([*about, _table(("option", "type", "default", "meaning"), rows)])


def _recipe(recipe: Recipe) -> str:
    heading = f"### `{recipe.name}` {{ #recipe-{recipe.name} }}"
    settings = f"```toml\n{tomli_w.dumps(dict(recipe.settings))}```"
    return "\n\n".join([heading, _sentence(recipe.summary), f"Source: {_linked(recipe.source)}", settings])


def _described(item: FieldDescription) -> tuple[str, str, str]:
    return _text(item.type), _code(item.default), _text(item.description)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Returns a table of options; on narrow screens, site.css stacks the cells of each option."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f'<div class="options" markdown="1">\n\n{table}\n\n</div>'


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _text(text: str) -> str:
    """Escapes plain text for a table, so that nothing in it is Markdown."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\|*_\[\]])", r"\\\1", text)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _linked(text: str) -> str:
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
