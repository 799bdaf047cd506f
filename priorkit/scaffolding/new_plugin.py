"""Writes a new plug-in into a folder of its own."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from priorkit.errors import ConfigurationError
from priorkit.registry import BUILTIN, Registry
from priorkit.scaffolding.names import PluginNames
from priorkit.scaffolding.templates import Template, template_for

__all__ = ["NewPlugin", "write_plugin"]


@dataclass(frozen=True)
class NewPlugin:
    """A plug-in that has been written.

    Attributes:
        names: The names in it.
        template: Its template.
        folder: Its folder.
        files: Its files, below that folder.
    """

    names: PluginNames
    template: Template
    folder: Path
    files: tuple[Path, ...]


def write_plugin(name: str, kind: str, out: Path, registry: Registry) -> NewPlugin:
    """Writes the distribution `priorkit-NAME` into the folder `out/priorkit-NAME`.

    Args:
        name: The name that users of its component will type: lower-case words joined by hyphens.
        kind: Its kind, as in `TEMPLATES`: `prior`, `code-generator`, ..., `recipe`.
        out: The parent of the new folder; created if missing.
        registry: The installed components. Names of priorkit's own components are refused.

    Raises:
        ConfigurationError: The name or the kind cannot be used, the folder exists and is not empty, or it cannot be
            written. No part of it is left.
    """
    template, names = template_for(kind), PluginNames(name)
    if name in _built_in(template, registry):
        raise ConfigurationError(
            f"priorkit has a {template.title} {name!r} of its own, which would take precedence; choose another name "
            f"(`priorkit components {kind + 's' if template.slot is None else kind}` lists the names in use)"
        )
    folder = out / names.distribution
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigurationError(
            f"the folder {str(folder)!r} is not empty, and nothing in it is overwritten; move it away, or choose "
            "another name or --out"
        )
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise ConfigurationError(f"{str(folder)!r} exists and is not a folder; move it away, or choose another --out")
    files = template.files(names)
    made: list[Path] = []
    try:
        for path, text in files.items():
            _make_folders((folder / path).parent, made)
            made.append(folder / path)
            with (folder / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except BaseException as error:
        # An incomplete plug-in would block its folder.
        for entry in reversed(made):
            with suppress(OSError):
                entry.rmdir() if entry.is_dir() else entry.unlink()
        if not isinstance(error, OSError):
            raise
        raise ConfigurationError(
            f"cannot write {str(folder)!r}: {error.strerror or error}; nothing is left of it: check the path, its "
            "permissions and the space that is left, or choose another --out"
        ) from error
    return NewPlugin(names, template, folder, tuple(files))


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Makes a folder and its missing parents, and records them."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        made.append(each)


def _built_in(template: Template, registry: Registry) -> set[str]:
    """The names of priorkit's own components of this kind."""
    names = set()
    for plugin in registry.plugins:
        if plugin.distribution == BUILTIN:
            recipes = plugin.recipes if template.slot is None else ()
            names |= {recipe.name for recipe in recipes}
            names |= {component.name for slot, component in plugin.components if slot == template.slot}
    return names
