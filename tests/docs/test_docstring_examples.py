"""The examples in docstrings run and print what they show; every public class and function has one."""

import doctest
import inspect
import re
import shutil
import tempfile
from collections.abc import Callable
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(
    path.stem if path.stem == "priorkit" else f"priorkit.{path.stem}" for path in ROOT.glob("docs/api/*.md")
)
"""The packages that the reference describes."""
WITHOUT = {"PhaseContext", "System", "push_run", "pull"}
"""Only a whole system makes the first two; the others need the Hugging Face hub."""
EXAMPLE = re.compile(r"^ *>>> ", re.MULTILINE)


def public_names() -> dict[str, Any]:
    found = {}
    for package in map(import_module, PACKAGES):
        for name in package.__all__:
            value = getattr(package, name)
            # The members of an enumeration and the message of an error explain themselves.
            speaks = inspect.isclass(value) and issubclass(value, Enum | BaseException)
            if (inspect.isclass(value) or inspect.isfunction(value)) and not speaks and name not in WITHOUT:
                found[name] = value
    return found


def other_modules() -> list[str]:
    """Modules with examples that `public_names` does not find: those of their other objects, too."""
    roots = [(ROOT, "priorkit"), (ROOT / "plugins", "priorkit_plugins")]
    return [
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for root, package in roots
        for path in sorted((root / package).rglob("*.py"))
        if EXAMPLE.search(path.read_text(encoding="utf-8"))
    ]


@pytest.fixture
def run_examples(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[doctest.DocTest], None]:
    """Runs examples in a folder of their own, which has the run `runs/first`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shutil.copytree(trained_run, tmp_path / "runs/first")

    def run(test: doctest.DocTest) -> None:
        said: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        assert runner.run(test, out=said.append).failed == 0, "".join(said)

    return run


@pytest.mark.parametrize("name", public_names())
@pytest.mark.usefixtures("registrations")
def test_every_public_name_has_an_example_that_runs(name: str, run_examples: Callable[[doctest.DocTest], None]) -> None:
    documented = public_names()[name]
    module = import_module(documented.__module__)
    (test,) = doctest.DocTestFinder(recurse=False).find(documented, documented.__qualname__, module)
    assert test.examples, f"{module.__name__}.{name} has no example (>>>) in its docstring"
    run_examples(test)


@pytest.mark.parametrize("module", other_modules())
@pytest.mark.usefixtures("registrations")
def test_the_other_examples_run(module: str, run_examples: Callable[[doctest.DocTest], None]) -> None:
    known = {f"{value.__module__}.{value.__qualname__}" for value in public_names().values()}
    for test in doctest.DocTestFinder().find(import_module(module)):
        if test.examples and test.name not in known:
            run_examples(test)
