"""`priorkit components` and `priorkit plugins`."""

from collections.abc import Sequence
from typing import Any

from priorkit.cli.arguments import Parser, add_common, refuse_unknown
from priorkit.config import describe_fields
from priorkit.display.console import Console
from priorkit.errors import UnknownComponentError
from priorkit.plugins import KINDS, Kind, nearest
from priorkit.plugins.wording import in_one_line
from priorkit.registry import BUILTIN, FailedPlugin, LoadedPlugin, Registered, Registry
from priorkit.registry.discovery import Unregistered, unregistered

__all__ = ["components_command", "plugins_command"]

_LONGEST = 500
"""Maximal number of characters of a plug-in's text to print; `--json` prints all of them."""


def _describe(registered: Registered) -> dict[str, Any]:
    component = registered.component
    return {
        "kind": registered.slot.replace("_", "-"),
        "name": component.name,
        "summary": component.summary,
        "source": component.source,
        "distribution": registered.distribution,
        "version": registered.version,
        "options": [
            {"flag": item.flag, "type": item.type, "default": item.default, "description": item.description}
            for item in describe_fields(component.options, registered.table)
        ],
    }


def _kinds(wanted: str, registry: Registry) -> list[Kind]:
    """Returns the kinds to list: all, the kind with the wanted name, or the kinds with a component of that name."""
    named = [kind for kind in KINDS if wanted in ("", kind.slot, kind.flag[2:], kind.title)]
    holding = named or [kind for kind in KINDS if wanted in registry.names(kind.slot)]
    if not holding and wanted != "recipes":
        known = [kind.flag[2:] for kind in KINDS]
        everything = [*known, "recipes", *(name for kind in KINDS for name in registry.names(kind.slot))]
        raise UnknownComponentError(
            f"no kind or component {wanted!r}{nearest(wanted, everything)} Kinds: {', '.join(known)}, recipes."
        )
    return holding


def components_command(arguments: Sequence[str], registry: Registry) -> int:
    """Lists components and recipes; returns the exit status."""
    parser = Parser("priorkit components", "Lists every component with its options, and every recipe.")
    parser.add_argument("kind", nargs="?", default="", help="list only this kind, or the components with this name")
    add_common(parser)
    found, unknown = parser.parse_known_args(arguments)
    refuse_unknown(unknown, parser.flags(), parser.prog)
    console = Console(as_json=found.json, quiet=found.quiet)
    kinds = _kinds(found.kind, registry)
    by_name = bool(found.kind) and not any(found.kind in (kind.slot, kind.flag[2:], kind.title) for kind in kinds)
    for kind in kinds:
        console.line(f"{kind.title} ({kind.flag})")
        for registered in registry.components(kind.slot):
            if by_name and registered.component.name != found.kind:
                continue
            described = _describe(registered)
            console.data(described)
            origin = "" if registered.distribution == BUILTIN else f"  [{registered.qualified_name}]"
            summary = in_one_line(described["summary"], _LONGEST)
            console.line(in_one_line(f"{described['name']}: {summary}{origin}", indent=2))
            console.line(in_one_line(f"source: {described['source']}", _LONGEST, indent=6))
            for option in described["options"]:
                kind_and_default = f"{option['type']}, default {option['default']}"
                console.line(f"      {option['flag']}  {kind_and_default}: {option['description']}")
        console.line()
    if found.kind in ("", "recipes"):
        console.line("recipes (priorkit train NAME)")
        for recipe in registry.recipes():
            console.data({"kind": "recipe", "name": recipe.name, "summary": recipe.summary, "source": recipe.source})
            console.line(in_one_line(f"{recipe.name}: {recipe.summary}", _LONGEST, indent=2))
            console.line(in_one_line(f"source: {recipe.source}", _LONGEST, indent=6))
    return 0


def plugins_command(arguments: Sequence[str], registry: Registry) -> int:
    """Lists loaded and broken plug-ins, third parties' first; returns the exit status."""
    parser = Parser("priorkit plugins", "Lists the loaded plug-ins, and the broken ones.")
    parser.add_argument("--tracebacks", action="store_true", help="show the traceback of each broken plug-in")
    add_common(parser)
    found, unknown = parser.parse_known_args(arguments)
    refuse_unknown(unknown, parser.flags(), parser.prog)
    console = Console(as_json=found.json, quiet=found.quiet)
    # Users look for the plug-ins that they have installed or are writing; the built-in ones are always there.
    built_in = [plugin for plugin in registry.plugins if plugin.distribution == BUILTIN]
    others = [plugin for plugin in registry.plugins if plugin.distribution != BUILTIN]
    _show_loaded(console, others, "loaded")
    _show_failures(console, registry.failures, tracebacks=found.tracebacks)
    _show_unregistered(console, unregistered())
    _show_loaded(console, built_in, "built in")
    return 0


def _heading(console: Console, count: int, text: str) -> None:
    if count:
        console.line(f"{count} {text}")


def _show_loaded(console: Console, plugins: Sequence[LoadedPlugin], heading: str) -> None:
    _heading(console, len(plugins), heading)
    for plugin in plugins:
        supplies = [f"{slot.replace('_', ' ')} {component.name}" for slot, component in plugin.components]
        supplies += [f"recipe {recipe.name}" for recipe in plugin.recipes]
        console.data(
            {
                "plugin": plugin.entry_point,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "loaded": True,
                "supplies": supplies,
                "notes": plugin.notes,
            }
        )
        origin = f"{plugin.distribution} {plugin.version}"
        console.line(in_one_line(f"{plugin.entry_point} ({origin}): {', '.join(supplies) or 'nothing'}", indent=2))
        _show_notes(console, plugin)


def _show_failures(console: Console, failures: Sequence[FailedPlugin], *, tracebacks: bool) -> None:
    _heading(console, len(failures), "broken")
    for failure in failures:
        described = {
            "plugin": failure.entry_point,
            "distribution": failure.distribution,
            "version": failure.version,
            "loaded": False,
            "module": failure.target,
            "error": failure.error,
            "file": failure.file,
            "line": failure.line,
            "notes": failure.notes,
        }
        console.data({**described, "traceback": failure.traceback} if tracebacks else described)
        origin = f"{failure.distribution} {failure.version}, module {failure.target}"
        console.line(in_one_line(f"{failure.entry_point} ({origin}): {failure.error}", indent=2))
        if failure.place:
            console.line(in_one_line(f"at {failure.place}", indent=6))
        _show_notes(console, failure)
        if tracebacks:
            for line in failure.traceback.splitlines():
                # The indentation shows which lines belong together.
                console.line(in_one_line(line, indent=6 + len(line) - len(line.lstrip())))


def _show_unregistered(console: Console, distributions: Sequence[Unregistered]) -> None:
    _heading(console, len(distributions), "without an entry point")
    for item in distributions:
        row = {"plugin": None, "distribution": item.distribution, "version": item.version, "loaded": False}
        console.data({**row, "notes": [item.explanation]})
        console.line(in_one_line(f"{item.distribution} {item.version}: {item.explanation}", _LONGEST, indent=2))


def _show_notes(console: Console, plugin: LoadedPlugin | FailedPlugin) -> None:
    for note in plugin.notes:
        console.line(in_one_line(f"note: {note}", indent=6))
