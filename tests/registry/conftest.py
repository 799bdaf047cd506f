"""Distributions with plug-ins, made up on disk."""

import itertools
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from priorkit.registry import FailedPlugin, LoadedPlugin, load_plugins

_numbers = itertools.count()


class PluginFolder:
    """A folder on the import path into which distributions are installed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.modules: list[str] = []

    def install(
        self, distribution: str, source: str, *, entry_point: str = "plugin", version: str = "1.0", name: bool = True
    ) -> str:
        """Installs a distribution of one plug-in and returns the name of the plug-in's module.

        Args:
            distribution: The distribution's name; installed a second time, it gets one more plug-in.
            source: The module's text.
            entry_point: The plug-in's name.
            version: The distribution's version.
            name: Whether the distribution's metadata say what it is called.
        """
        module = f"made_up_plugin_{next(_numbers)}"
        self.modules.append(module)
        (self.path / f"{module}.py").write_text(source, encoding="utf-8")
        information = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        information.mkdir(exist_ok=True)
        about = f"Name: {distribution}\nVersion: {version}\n" if name else ""
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\n{about}", encoding="utf-8")
        entry_points = information / "entry_points.txt"
        before = entry_points.read_text(encoding="utf-8") if entry_points.exists() else "[priorkit]\n"
        entry_points.write_text(f"{before}{entry_point} = {module}\n", encoding="utf-8")
        return module

    def install_prior(self, distribution: str, prior: str, *, entry_point: str = "plugin", version: str = "1.0") -> str:
        """Installs a distribution that supplies one prior."""
        source = f"""
from priorkit.plugins import Component, Options, hookimpl

class PriorOptions(Options):
    pass

def build(options, context):
    return {distribution!r}

@hookimpl
def priorkit_priors():
    return [Component({prior!r}, PriorOptions, build, summary="a prior", source="a test")]
"""
        return self.install(distribution, source, entry_point=entry_point, version=version)

    def entry_points(self) -> list[metadata.EntryPoint]:
        """The entry points of what is installed here, and of nothing else."""
        return [
            entry_point
            for distribution in metadata.distributions(path=[str(self.path)])
            for entry_point in distribution.entry_points.select(group="priorkit")
        ]

    def load(self, **environment: str) -> tuple[list[LoadedPlugin], list[FailedPlugin]]:
        """Loads what is installed here, and nothing else."""
        return load_plugins(self.entry_points(), environment)


@pytest.fixture
def plugin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginFolder]:
    """An empty folder on the import path; modules imported from it are forgotten afterwards."""
    folder = PluginFolder(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for module in folder.modules:
        sys.modules.pop(module, None)
