"""Makes Markdown of the public names of a package: a table of names, and a mkdocstrings directive for each."""

import inspect
from importlib import import_module
from types import ModuleType

__all__ = ["names_of"]


def names_of(package: str) -> str:
    """Returns a table of the names in a package's `__all__`, and a directive for each.

    Args:
        package: The dotted name of the package.
    """
    module = import_module(package)
    names = [name for name in module.__all__ if not name.startswith("__")]
    table = ["| name | what it is |", "|---|---|"]
    table += [f"| [`{name}`][{package}.{name}] | {_first_line(module, name)} |" for name in names]
    directives = [f"::: {package}.{name}" for name in names]
    return "\n\n".join(["\n".join(table), *directives])


def _first_line(module: ModuleType, name: str) -> str:
    value = getattr(module, name)
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return f"a value: `{type(value).__name__}`"
    return (inspect.getdoc(value) or "").partition("\n")[0].replace("|", "\\|")
