import json
from collections.abc import Callable
from importlib import metadata
from typing import Any

import pytest
import torch

from priorkit.config import RunConfig
from priorkit.data import load_data
from priorkit.interfaces import ImageShape
from priorkit.plugins import KINDS
from priorkit.registry import Registry
from priorkit.runs.environment import check_environment, describe_environment, recorded_data
from priorkit.training import Session


@pytest.fixture
def describe(registry: Registry, run_config: Callable[..., RunConfig]) -> Callable[..., dict[str, Any]]:
    def make(**changes: Any) -> dict[str, Any]:
        config = run_config(**changes)
        data = load_data(config, registry)
        return describe_environment(Session(config, registry, data), config, registry, data)

    return make


def test_says_what_the_run_was_made_with(describe: Callable[..., dict[str, Any]]) -> None:
    environment = describe()
    assert json.loads(json.dumps(environment)) == environment
    assert environment["priorkit"] == metadata.version("priorkit")
    assert environment["torch"] == torch.__version__
    assert (environment["device"], environment["precision"]) == ("cpu", "float32")
    assert environment["data"]["train"] == 20
    assert environment["data"]["held_out"] == 6
    assert environment["data"]["class_names"] == ["odd", "even"]
    assert recorded_data(environment).shape == ImageShape(1, 16)


def test_names_the_distribution_of_every_component(describe: Callable[..., dict[str, Any]]) -> None:
    components = describe()["components"]
    assert components.keys() == {kind.slot for kind in KINDS}
    assert components["networks"] == {"name": "normed", "distribution": "priorkit-tests", "version": "1.0"}
    version = metadata.version("priorkit")
    assert components["prior"] == {"name": "learned", "distribution": "priorkit", "version": version}


def test_counts_the_parameters(describe: Callable[..., dict[str, Any]]) -> None:
    parameters = describe()["parameters"]
    assert parameters.keys() == {"encoder", "decoder", "prior", "regularizer", "image_critic"}
    # 256 * 6 + 6 of the first layer, 2 * 6 of the norm, 6 * 4 + 4 of the last.
    assert parameters["encoder"] == 1582


def test_tells_data_sets_apart_by_their_images(describe: Callable[..., dict[str, Any]]) -> None:
    prints = [
        describe(dataset={"train": train, "test": test})["data"]["fingerprint"]
        for train, test in ((20, 6), (20, 6), (19, 6), (20, 5))
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_what_is_described_passes_the_check(describe: Callable[..., dict[str, Any]]) -> None:
    environment = describe()
    assert check_environment(environment) is environment
