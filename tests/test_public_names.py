"""`__all__` lists the public names of each module."""

import inspect
import pkgutil
from importlib import import_module

import pytest

import priorkit

PACKAGES = [item.name for item in pkgutil.iter_modules(priorkit.__path__, "priorkit.") if item.ispkg]
MODULES = [
    item.name
    for item in pkgutil.walk_packages(priorkit.__path__, "priorkit.")
    if not item.ispkg and not item.name.endswith(".__main__")
]


@pytest.mark.parametrize("name", [*PACKAGES, *MODULES])
def test_what_a_module_says_is_public_exists(name: str) -> None:
    module = import_module(name)
    assert len(set(module.__all__)) == len(module.__all__) > 0
    for public in module.__all__:
        assert getattr(module, public) is not None


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_exports_what_it_names(name: str) -> None:
    package = import_module(name)
    public = {
        key
        for key, value in vars(package).items()
        if not key.startswith("_")
        and not inspect.ismodule(value)
        # Imported names are public in the module that defines them.
        and (key in package.__all__ or getattr(value, "__module__", name).startswith(name))
    }
    assert public == set(package.__all__)
