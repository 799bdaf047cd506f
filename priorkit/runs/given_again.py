"""Checks of objects that Python code gave to a run, and must give again to load or resume it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from priorkit.errors import ConfigurationError
from priorkit.given import MODULES, GivenObjects
from priorkit.registry import Registry

__all__ = ["refuse_others", "require_data_again", "require_modules_again"]


def require_modules_again(path: Path, environment: Mapping[str, Any], registry: Registry) -> None:
    """Checks that the modules of a run's training are given again.

    Args:
        path: The run folder.
        environment: What the run was made with.
        registry: Where components come from, including given objects.

    Raises:
        ConfigurationError: An object is missing.
    """
    then = {role: name for role, name in environment.get("given", {}).items() if role in MODULES}
    missing = [role for role in then if role not in registry.given]
    if missing:
        listed = ", ".join(f"{role} ({then[role]})" for role in missing)
        mend = ", ".join(f"{role!r}: ..." for role in then)
        raise ConfigurationError(
            f"the run {str(path)!r} was trained with modules from Python code, which it does not store: {listed}; give "
            f"them again, as by priorkit.load_run({str(path)!r}, modules={{{mend}}})"
        )


def refuse_others(path: Path, environment: Mapping[str, Any], given: GivenObjects) -> None:
    """Refuses objects that a run was trained without.

    Args:
        path: The run folder.
        environment: What the run was made with.
        given: The objects given now.

    Raises:
        ConfigurationError: There is such an object.
    """
    then = environment.get("given", {})
    added = [role for role in given.descriptions() if role not in then]
    if added:
        raise ConfigurationError(
            f"{added[0]}: the run {str(path)!r} was trained without this Python object; leave it out"
        )


def require_data_again(
    path: Path, environment: Mapping[str, Any], registry: Registry, *, training: bool = False
) -> None:
    """Checks that the training and held-out images of a run are given again.

    Args:
        path: The run folder.
        environment: What the run was made with.
        registry: Where components come from, including given objects.
        training: Whether training is resumed, which needs the transform, too.

    Raises:
        ConfigurationError: An object is missing.
    """
    names = ("data", "test_data", "transform") if training else ("data", "test_data")
    then = {name: words for name, words in environment.get("given", {}).items() if name in names}
    missing = [name for name in then if name not in registry.given]
    if missing:
        listed = ", ".join(f"{name} ({then[name]})" for name in missing)
        raise ConfigurationError(
            f"the run {str(path)!r} was trained on data from Python code, which it does not store: {listed}; give it "
            f"again, from Python: {', '.join(f'{name}=...' for name in then)}"
        )
