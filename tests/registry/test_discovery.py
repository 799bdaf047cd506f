"""Distributions that were meant to bring a plug-in, and bring none."""

from importlib import metadata
from pathlib import Path

import pytest

from priorkit.registry.discovery import Unregistered, unregistered


def install(folder: Path, name: str, *requires: str, entry_points: str = "", about: str | None = None) -> None:
    """Writes the metadata of a distribution."""
    information = folder / f"{name.lower().replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    lines = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {item}" for item in requires)]
    text = "Metadata-Version: 2.1\n" + ("\n".join(lines) + "\n" if about is None else about)
    (information / "METADATA").write_text(text, encoding="utf-8")
    (information / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def found(*folders: Path) -> list[Unregistered]:
    return unregistered(metadata.distributions(path=[str(folder) for folder in folders]))


@pytest.mark.parametrize(
    "requirement", ["priorkit", "Priorkit>=0.1", "priorkit[testing] (>=1)", 'priorkit; extra == "x"']
)
def test_a_distribution_without_an_entry_point(tmp_path: Path, requirement: str) -> None:
    install(tmp_path, "acme", "torch", requirement, entry_points="[console_scripts]\nacme = acme:main\n")
    (item,) = found(tmp_path)
    assert item == Unregistered("acme", "1.0")
    assert item.explanation == (
        "requires priorkit, but has no entry point in the group 'priorkit'; if it is a plug-in, name its module under "
        "[project.entry-points.priorkit] in its pyproject.toml, and install it again"
    )


def test_a_requirement_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    install(tmp_path, "acme", "torch >> 2", "priorkit")
    assert [item.distribution for item in found(tmp_path)] == ["acme"]


@pytest.mark.parametrize("group", ["priorkits", "Priorkit", "prior-kit", "priorkit.plugins"])
def test_a_group_that_is_spelt_nearly_so(tmp_path: Path, group: str) -> None:
    install(tmp_path, "acme", "priorkit", entry_points=f"[console_scripts]\na = a:b\n[{group}]\nacme = acme\n")
    (item,) = found(tmp_path)
    assert item.group == group
    assert f"its group is called {group!r}; rename it to [project.entry-points.priorkit]" in item.explanation


def test_others_are_not_meant(tmp_path: Path) -> None:
    install(tmp_path, "sound", "priorkit", entry_points="[priorkit]\nsound = sound\n[priorkits]\nold = old\n")
    install(tmp_path, "unrelated", "priorkit-laplace", "torch")
    install(tmp_path, "alone")
    install(tmp_path, "Priorkit", "priorkit[testing]")
    install(tmp_path, "nameless", about="Requires-Dist: priorkit\n")
    install(tmp_path, "b-plugin", "priorkit")
    install(tmp_path, "a-plugin", "priorkit")
    assert [item.distribution for item in found(tmp_path)] == ["a-plugin", "b-plugin"]


def test_the_first_of_one_name_counts(tmp_path: Path) -> None:
    install(tmp_path / "mended", "acme", "priorkit", entry_points="[priorkit]\nacme = acme\n")
    install(tmp_path / "before", "Acme", "priorkit")
    assert found(tmp_path / "mended", tmp_path / "before") == []
    assert len(found(tmp_path / "before", tmp_path / "mended")) == 1


def test_the_installed_ones_are_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "acme-forgotten", "priorkit")
    assert "acme-forgotten" not in [item.distribution for item in unregistered()]
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "acme-forgotten" in [item.distribution for item in unregistered()]
