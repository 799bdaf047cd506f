import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from priorkit.errors import ConfigurationError, MissingExtraError
from priorkit.tracking import TRACKERS, catalogue, tracker_names


def test_each_is_given_once():
    assert tracker_names("none") == ()
    assert tracker_names(()) == ()
    if find_spec("tensorboard"):
        assert tracker_names("tensorboard") == tracker_names(["tensorboard", "tensorboard"]) == ("tensorboard",)


def test_an_unknown_one_is_refused():
    with pytest.raises(ConfigurationError, match="--track wandv: no such tracker; did you mean 'wandb'"):
        tracker_names(["wandv"])


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_package_names_the_extra(name, monkeypatch):
    monkeypatch.setattr(catalogue, "find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'priorkit\[{name}\]'"):
        tracker_names(name)


def test_every_tracker_is_an_extra():
    extras = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    for name in TRACKERS:
        assert extras["optional-dependencies"][name]


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_is_made_without_its_package(name, monkeypatch):
    for known in TRACKERS.values():
        monkeypatch.setitem(__import__("sys").modules, known.package, None)
    assert isinstance(catalogue.build_tracker(name), catalogue.Tracker)
