"""Every recipe's losses over its first steps, compared with a record: refactoring must not change them.

A change that means to move losses writes the record anew, with `pytest tests/training/test_recorded_losses.py
--record-losses`, and says so in its commit.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priorkit.registry import Registry, installed_plugins
from priorkit.training import Session

STEPS = 20

RECORD = Path(__file__).parent / "recorded_losses.json"

SMALL_NETWORKS: dict[str, dict[str, int]] = {
    "residual": {"width": 2, "critic_hidden": 8, "code_critic_width": 10},
    "dcgan": {"width": 2, "code_critic_width": 10},
    "mlp": {"hidden": 8},
    "began": {"width": 2, "code_critic_width": 10},
}
"""A recipe's own networks, small enough for tests."""

RELATIVE, ABSOLUTE = 5e-3, 5e-5
"""Kernels with and without AVX-512 differ by up to 2.3e-3 of a loss."""

RECIPES = [recipe.name for recipe in Registry(installed_plugins().plugins).recipes()]

Losses = dict[str, list[float]]


def small_networks(recipe: str, registry: Registry) -> dict[str, Any]:
    chosen = registry.recipe(recipe).settings.get("networks", "residual")
    own = {"name": chosen} if isinstance(chosen, str) else {"name": "residual", **chosen}
    return {**own, **SMALL_NETWORKS[own["name"]]}


def losses_of(recipe: str, registry: Registry, tiny_session: Callable[..., Session]) -> Losses:
    """Returns each term's value in every step, by `phase/term`."""
    own = {name: value for name, value in registry.recipe(recipe).settings.items() if name == "code_size"}
    networks = small_networks(recipe, registry)
    session = tiny_session(recipe, own_sizes=True, networks=networks, channels_last=False, learning_rate=4e-4, **own)
    losses: Losses = {}
    for step in range(STEPS):
        session.step()
        for term, value in session.engine.losses(reset=True).items():
            losses.setdefault(term, [float("nan")] * step).append(float(f"{value:.7g}"))
    return losses


def recorded() -> dict[str, Losses]:
    loaded: dict[str, Losses] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    return loaded


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_losses_of_a_recipe_are_those_on_record(
    recipe: str, registry: Registry, tiny_session: Callable[..., Session], request: pytest.FixtureRequest
) -> None:
    losses = losses_of(recipe, registry, tiny_session)
    if request.config.getoption("record_losses"):
        everything = {name: terms for name, terms in {**recorded(), recipe: losses}.items() if name in RECIPES}
        RECORD.write_text(json.dumps(dict(sorted(everything.items())), indent=1) + "\n")
        return
    expected = recorded()[recipe]
    assert losses.keys() == expected.keys()
    for term, values in losses.items():
        assert values == pytest.approx(expected[term], rel=RELATIVE, abs=ABSOLUTE, nan_ok=True), term


def test_the_record_has_no_recipe_that_is_gone() -> None:
    assert sorted(recorded()) == RECIPES
