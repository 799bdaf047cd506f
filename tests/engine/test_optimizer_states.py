import copy
from typing import Any

import pytest
import torch
from torch import nn

from priorkit.engine import make_optimizer
from priorkit.engine.optimizer_states import restore_optimizer

NAMES = ["adam", "adamw", "rmsprop", "sgd"]


def made(name: str) -> tuple[nn.Linear, torch.optim.Optimizer]:
    network = nn.Linear(3, 2)
    return network, make_optimizer(
        name, network.parameters(), learning_rate=0.1, beta1=0.5, beta2=0.9, weight_decay=0.0
    )


def stepped(name: str) -> dict[str, Any]:
    network, optimizer = made(name)
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


@pytest.mark.parametrize("name", NAMES)
def test_goes_on_where_it_was(name: str) -> None:
    state = stepped(name)
    network, optimizer = made(name)
    restore_optimizer(optimizer, copy.deepcopy(state))
    again = optimizer.state_dict()
    assert again["param_groups"] == state["param_groups"]
    assert repr(again["state"]) == repr(state["state"])
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["shape", "missing", "other", "option", "no number"])
def test_what_it_could_not_step_with_is_refused(name: str, what: str) -> None:
    state, (_, optimizer) = copy.deepcopy(stepped(name)), made(name)
    kept = state["state"][0]
    key = next(key for key, value in kept.items() if value is not None and value.ndim)
    if what == "shape":
        kept[key] = torch.zeros(7)
    elif what == "missing":
        del kept[key]
    elif what == "other":
        kept[key] = "text"
    elif what == "option":
        state["param_groups"][0]["weight_decay"] = None
    else:
        state["param_groups"][0]["lr"] = "fast"
    with pytest.raises((ValueError, KeyError, RuntimeError, TypeError)):
        restore_optimizer(optimizer, state)


def test_switches_are_its_own() -> None:
    state, (_, optimizer) = stepped("adam"), made("adam")
    state["param_groups"][0] |= {"differentiable": True, "maximize": True}
    restore_optimizer(optimizer, state)
    assert not optimizer.param_groups[0]["differentiable"]
    assert not optimizer.param_groups[0]["maximize"]
