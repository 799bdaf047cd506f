"""Modules of somebody else's, copied and tried."""

import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.given.modules import PlainImageCritic, fresh, tried

LINEAR = nn.Linear(3, 2)


def test_a_module_is_copied_with_its_weights() -> None:
    copied = fresh(LINEAR, "encoder")
    assert copied is not LINEAR
    assert torch.equal(copied.state_dict()["weight"], LINEAR.weight)
    with torch.no_grad():
        copied.get_parameter("weight").zero_()
    assert bool((LINEAR.weight != 0).any())


def test_a_function_makes_a_new_module_by_torchs_seed() -> None:
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(fresh(lambda: nn.Linear(3, 2), "encoder"))
    assert torch.equal(made[0].get_parameter("weight"), made[1].get_parameter("weight"))


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class Needy(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (3, "expected a torch module, or a function that returns one, not 3"),
        (Locked(), "Locked cannot be copied .*; give a function that returns it"),
        (Needy, r"Needy\(\) fails: TypeError: .*; give a function without arguments: lambda: Needy\(...\)"),
        (dict, r"dict\(\) returned a dict, but a torch module was expected"),
    ],
)
def test_what_is_no_module_is_refused(given: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^encoder: .*{told}"):
        fresh(given, "encoder")


class Gives(nn.Module):
    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output

    def forward(self, image: Tensor) -> Any:
        return self.output


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (LINEAR, r"Linear turns \(2, 3\) into \(2, 2\), and \(2, 5\) was expected; mend it"),
        (nn.Linear(4, 5), r"Linear fails on an input of shape \(2, 3\): RuntimeError: "),
        (Gives((torch.zeros(2, 5), 1)), r"Gives returned a tuple, but a tensor of shape \(2, 5\) was expected"),
        (Gives(torch.full((2, 5), torch.nan)), "not finite for a blank input"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(module: nn.Module, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        tried(module, "encoder", (torch.zeros(2, 3),), (2, 5), "mend it")
    assert "\n" not in str(caught.value)


def test_trying_leaves_statistics_as_they_were() -> None:
    norm = nn.BatchNorm1d(3)
    assert tried(norm, "encoder", (torch.ones(2, 3),), (2, 3), "") is norm
    assert norm.training
    assert float(norm.get_buffer("running_mean").sum()) == 0


def test_a_row_offers_the_outputs_of_its_parts() -> None:
    row = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 1))
    critic, images = PlainImageCritic(row), torch.randn(3, 1, 4, 4)
    assert critic.layers == 3
    assert torch.equal(critic.features(images), row[:3](images))
    assert torch.equal(critic.features(images, 1), row[:2](images))
    assert torch.equal(critic.score(critic.features(images)), critic(images))
    assert critic(images).shape == (3,)


@pytest.mark.parametrize(("module", "layer"), [(nn.Flatten(), -1), (nn.Sequential(nn.Flatten()), -1)])
def test_features_that_there_are_not_are_refused(module: nn.Module, layer: int) -> None:
    with pytest.raises(ConfigurationError, match=r"offers 0 layers of features.*use loss='pixel'"):
        PlainImageCritic(module).features(torch.zeros(1, 1, 4, 4), layer)
