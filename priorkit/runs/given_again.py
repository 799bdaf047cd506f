"""What Python code gave to a run, and must give again to whoever loads the run or goes on with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from priorkit.errors import ConfigurationError
from priorkit.given import MODULES
from priorkit.registry import Registry

__all__ = ["require_data_again", "require_modules_again"]


def require_modules_again(path: Path, environment: Mapping[str, Any], registry: Registry) -> None:
    """Makes sure that the modules are given that a run was trained with, and no others.

    Args:
        path: The run folder.
        environment: What the run was made with.
        registry: Where components come from, those of given objects included.

    Raises:
        ConfigurationError: One is missing, or the run was trained without it.
    """
    then = {role: name for role, name in environment.get("given", {}).items() if role in MODULES}
    missing = [role for role in then if role not in registry.given]
    if missing:
        listed = ", ".join(f"{role} ({then[role]})" for role in missing)
        mend = ", ".join(f"{role!r}: ..." for role in then)
        raise ConfigurationError(
            f"the run {str(path)!r} was trained with modules of Python code, which it does not keep: {listed}; give "
            f"them again, as by priorkit.load_run({str(path)!r}, modules={{{mend}}})"
        )
    added = [role for role in registry.given if role in MODULES and role not in then]
    if added:
        raise ConfigurationError(
            f"modules: the run {str(path)!r} was trained without {added[0]!r} of Python code; leave it out"
        )


def require_data_again(path: Path, environment: Mapping[str, Any], registry: Registry) -> None:
    """Makes sure that the images, held-out images and transform are given that a run was trained with.

    Raises:
        ConfigurationError: One is missing, or the run was trained without it.
    """
    names = ("data", "test_data", "transform")
    then = {name: words for name, words in environment.get("given", {}).items() if name in names}
    missing = [name for name in then if name not in registry.given]
    if missing:
        listed = ", ".join(f"{name} ({then[name]})" for name in missing)
        raise ConfigurationError(
            f"the run {str(path)!r} was trained on what Python code gave, which it does not keep: {listed}; give it "
            f"again, from Python: {', '.join(f'{name}=...' for name in then)}"
        )
    added = [name for name in registry.given if name in names and name not in then]
    if added:
        raise ConfigurationError(f"{added[0]}: the run {str(path)!r} was trained without it; leave it out")
