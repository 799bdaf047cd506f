"""The examples in docstrings of public classes run, and say what they show."""

import doctest
import inspect
import tempfile
from enum import Enum
from importlib import import_module
from pathlib import Path

import pytest

PACKAGES = (
    "priorkit",
    "priorkit.config",
    "priorkit.interfaces",
    "priorkit.plugins",
    "priorkit.registry",
    "priorkit.testing",
)
WITHOUT = {"PhaseContext", "System"}
"""What takes a whole system to make."""


def public_classes() -> list[type]:
    found = {}
    for package in map(import_module, PACKAGES):
        for name in package.__all__:
            value = getattr(package, name)
            # Members of enumerations and the words of errors say it themselves.
            if inspect.isclass(value) and not issubclass(value, Enum | BaseException) and name not in WITHOUT:
                found[name] = value
    return list(found.values())


@pytest.mark.parametrize("documented", public_classes(), ids=lambda documented: documented.__name__)
def test_every_public_class_has_an_example_that_runs(
    documented: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    module = import_module(documented.__module__)
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(documented, documented.__qualname__, module)
    assert example.examples, "it has none"
    said: list[str] = []
    runner = doctest.DocTestRunner()
    assert runner.run(example, out=said.append).failed == 0, "".join(said)
