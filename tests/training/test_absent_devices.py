"""Whole steps, with shapes alone, on devices that are not there."""

from typing import Any

import pytest
import torch

from priorkit.config import RunConfig, resolve_config, validate_settings
from priorkit.engine import Engine, Precision, make_optimizer
from priorkit.interfaces import ImageShape
from priorkit.plugins import Registry
from priorkit.training import build_system
from priorkit.training.session import make_phases

RECIPES = ["vae", "aae", "learned"]


def full_size(recipe: str, registry: Registry, **changes: Any) -> RunConfig:
    settings = {**registry.recipe(recipe).settings, "networks": {"name": "residual", "width": 64}, **changes}
    return resolve_config(validate_settings(settings), registry)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("changes", [{}, {"reconstructions_as_fakes": True, "simultaneous": True, "clip_norm": 1.0}])
def test_a_whole_step_at_full_size_on_the_meta_device(recipe: str, changes: dict[str, Any], registry: Registry) -> None:
    """Forward, backward and update, with shapes alone: nothing makes a tensor on a device of its own choice."""
    config = full_size(recipe, registry, **changes)
    with torch.device("meta"):
        system = build_system(config, registry, ImageShape(3, 64))
    networks = system.trained()
    engine = Engine(
        networks,
        {
            name: make_optimizer(
                "adam", network.parameters(), learning_rate=0.1, beta1=0.5, beta2=0.9, weight_decay=0.0
            )
            for name, network in networks.items()
        },
        make_phases(system, config),
        precision=Precision(torch.device("meta"), torch.float32),
        seed=0,
        clip_norm=config.clip_norm,
        simultaneous=config.simultaneous,
    )
    engine.step(torch.empty(64, 3, 64, 64, device="meta"))
    for name, network in networks.items():
        states = [engine.optimizers[name].state[weight]["exp_avg"] for weight in network.parameters()]
        assert [state.shape for state in states] == [weight.shape for weight in network.parameters()]
        assert {state.device.type for state in states} == {"meta"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_passes_of_every_phase_on_a_gpu_that_is_not_there(recipe: str, registry: Registry) -> None:
    """Fake tensors know devices and refuse to mix them. Without the device, they can go forward only."""
    fake_tensors = pytest.importorskip("torch._subclasses")
    config = full_size(recipe, registry, reconstructions_as_fakes=True)
    cuda = torch.device("cuda")
    with fake_tensors.FakeTensorMode():
        with cuda:
            system = build_system(config, registry, ImageShape(3, 64))
        images = torch.empty(64, 3, 64, 64, device=cuda)
        for phase in make_phases(system, config):
            for move in phase.moves(images, phase.noise(64, None, cuda)):
                for name, term in move.terms.items():
                    assert (term.device.type, term.dtype, term.shape) == ("cuda", torch.float32, ()), name
                    assert term.requires_grad, name
