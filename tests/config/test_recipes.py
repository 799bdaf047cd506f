"""Recipes as configurations."""

import pytest
from pydantic import ValidationError

import priorkit
from priorkit.config import resolve_config
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.registry import installed_plugins


@pytest.mark.parametrize("name", [recipe.name for recipe in installed_plugins().recipes()])
def test_every_recipe_is_a_configuration(name: str) -> None:
    config = resolve_config(priorkit.recipe(name), installed_plugins())
    assert all(getattr(config, key) == value for key, value in priorkit.recipe(name) if isinstance(value, int | float))


def test_changes_lie_over_the_recipe() -> None:
    recipe = priorkit.recipe("learned", steps=7, prior={"noise_dim": 5})
    assert (recipe.steps, recipe.prior.name, recipe.prior.options["noise_dim"]) == (7, "learned", 5)
    assert priorkit.recipe("vae", prior="mixture").prior.options == {}


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownComponentError, match="did you mean 'vae'"):
        priorkit.recipe("vaee")
    with pytest.raises(ConfigurationError, match="did you mean 'steps'"):
        priorkit.recipe("vae", stepz=3)


def test_a_configuration_points_to_recipes() -> None:
    with pytest.raises(ValidationError, match=r"use priorkit.recipe\('vae', ...\)"):
        priorkit.RunConfig(recipe="vae")  # type: ignore[call-arg]
