"""The outcome of loading a plug-in: success, or the reason of its failure."""

from dataclasses import dataclass

from priorkit.plugins.component import Component, Recipe
from priorkit.registry.blame import SourcePlace

__all__ = ["FailedPlugin", "LoadedPlugin"]


@dataclass(frozen=True)
class LoadedPlugin:
    """A loaded plug-in.

    Attributes:
        entry_point: Its name in the entry-point group.
        distribution: The distribution that supplies it.
        version: That distribution's version.
        components: What it supplies: the slot of the kind, and the record.
        recipes: The recipes it supplies.
        notes: Notes for its author: that it was slow to load, or imported torch.

    Examples:
        >>> from priorkit.plugins import Recipe
        >>> from priorkit.registry import LoadedPlugin, Registry
        >>> recipe = Recipe("small", summary="a small code", source="nobody", settings={"code_dim": 8})
        >>> plugin = LoadedPlugin("small", "priorkit-small", "1.0", components=(), recipes=(recipe,))
        >>> Registry([plugin]).recipe("small").settings
        {'code_dim': 8}
    """

    entry_point: str
    distribution: str
    version: str
    components: tuple[tuple[str, Component[object]], ...]
    recipes: tuple[Recipe, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedPlugin:
    """A plug-in that could not be loaded, and why.

    Attributes:
        entry_point: Its name in the entry-point group.
        distribution: The distribution that supplies it.
        version: That distribution's version.
        target: The module that the entry point names.
        error: The error's type and message, one line.
        file: The file of the plug-in with the error; empty if it failed before any file was read.
        line: The line in that file, if known.
        traceback: The whole traceback.
        notes: Notes for its author, as for a loaded plug-in.

    Examples:
        >>> from priorkit.registry import FailedPlugin
        >>> error = "ImportError: no module named 'x'"
        >>> FailedPlugin("small", "priorkit-small", "1.0", "priorkit_small", error, "small.py", 3).explanation
        "ImportError: no module named 'x' (small.py:3)"
    """

    entry_point: str
    distribution: str
    version: str
    target: str
    error: str
    file: str = ""
    line: int | None = None
    traceback: str = ""
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """`file:line`, as far as known."""
        return str(SourcePlace(self.file, self.line)) if self.file else ""

    @property
    def explanation(self) -> str:
        """The error and its place."""
        return f"{self.error} ({self.place})" if self.file else self.error
