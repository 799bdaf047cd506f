"""`priorkit new-plugin`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from priorkit.cli.arguments import Parser, add_common, join_values, refuse_unknown
from priorkit.display.console import Console
from priorkit.registry import Registry
from priorkit.scaffolding import TEMPLATES, NewPlugin, write_plugin

__all__ = ["new_plugin_command"]


def _parser() -> Parser:
    parser = Parser(
        "priorkit new-plugin",
        "Writes a plug-in to start from: a distribution that can be installed, with one small working component and "
        "its tests. Nothing is overwritten.",
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        help="the component's name, as its users will type it: lower-case words joined by hyphens",
    )
    kinds = ", ".join(template.kind for template in TEMPLATES)
    parser.add_argument("--kind", default="prior", metavar="KIND", help=f"{kinds} (default prior)")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="FOLDER", help="where to make the folder priorkit-NAME (default .)"
    )
    add_common(parser)
    return parser


def new_plugin_command(arguments: Sequence[str], registry: Registry) -> int:
    """Writes a plug-in; returns the exit status."""
    parser = _parser()
    found, unknown = parser.parse_known_args(join_values(arguments, ("--kind", "--out"), ()))
    refuse_unknown(unknown, parser.flags(), parser.prog)
    written = write_plugin(found.name, found.kind, found.out, registry)
    console = Console(as_json=found.json, quiet=found.quiet)
    commands = _next_commands(written)
    console.data(
        {
            "event": "end",
            "folder": str(written.folder),
            "files": [path.as_posix() for path in written.files],
            "next": commands,
        }
    )
    console.line(f"wrote a plug-in with the {written.template.title} {written.names.component!r}:")
    for path in written.files:
        console.line(f"  {written.folder / path}")
    console.line("next:")
    for command in commands:
        console.line(f"  {command}")
    console.result(written.folder)
    return 0


def _next_commands(written: NewPlugin) -> list[str]:
    """Returns the commands that install, test and use the plug-in."""
    # A leading dot or slash makes pip read a folder, never a project on PyPI.
    folder = str(written.folder) if written.folder.is_absolute() else os.path.join(".", written.folder)  # noqa: PTH118
    return [
        shlex.join(["pip", "install", "-e", f"{folder}[test]"]),
        shlex.join(["pytest", folder]),
        written.template.use_of(written.names),
    ]
