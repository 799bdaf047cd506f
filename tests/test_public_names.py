"""`__all__` is what is public."""

import inspect
import pkgutil
from importlib import import_module

import pytest

import priorkit

PACKAGES = [item.name for item in pkgutil.iter_modules(priorkit.__path__, "priorkit.") if item.ispkg]
MODULES = [
    item.name
    for item in pkgutil.walk_packages(priorkit.__path__, "priorkit.")
    if item.name.rpartition(".")[2] != "__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_is_public(name: str) -> None:
    module = import_module(name)
    assert len(set(module.__all__)) == len(module.__all__) > 0
    for public in module.__all__:
        assert getattr(module, public) is not None


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_exports_what_it_names(name: str) -> None:
    package = import_module(name)
    public = {key for key, value in vars(package).items() if not key.startswith("_") and not inspect.ismodule(value)}
    assert public == set(package.__all__)
