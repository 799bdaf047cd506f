"""The recipes that come with priorkit."""

import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.config import RunConfig, merge_settings, resolve_config, validate_settings
from priorkit.data import DataSummary
from priorkit.interfaces import ImageShape, Learning
from priorkit.models import BuiltSystem, build_system
from priorkit.plugins import KINDS, Recipe
from priorkit.registry import installed_plugins
from priorkit_plugins.recipes import priorkit_recipes

REGISTRY = installed_plugins()
RECIPES = priorkit_recipes()

_DATA = DataSummary(ImageShape(1, 16), vocabulary=("a",))

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.name for recipe in RECIPES])


def resolved(recipe: Recipe, **changes: Any) -> RunConfig:
    return resolve_config(validate_settings(merge_settings(recipe.settings, changes)), REGISTRY)


def built(recipe: Recipe) -> BuiltSystem:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_system(resolved(recipe, networks={"width": 2}, code_dim=4), REGISTRY, _DATA)


def test_every_file_is_a_recipe_and_every_recipe_is_known() -> None:
    names = {
        path.name.removesuffix(".toml") for path in files("priorkit_plugins.recipes").iterdir() if ".toml" in path.name
    }
    assert {recipe.name for recipe in RECIPES} == names
    assert {"aae", "learned", "vae"} <= names
    for recipe in RECIPES:
        assert REGISTRY.recipe(recipe.name) == recipe


@every_recipe
def test_a_recipe_says_what_it_is(recipe: Recipe) -> None:
    for text in (recipe.summary, recipe.source):
        assert text.strip() == text
        assert len(text) > 3
        assert "\n" not in text
    assert "recipe" not in recipe.settings


@every_recipe
def test_a_recipe_makes_a_configuration_that_stands_on_its_own(recipe: Recipe) -> None:
    config = resolved(recipe)
    assert resolve_config(config, REGISTRY) == config
    for kind in KINDS:
        chosen = recipe.settings.get(kind.slot)
        if chosen is not None and kind.several:
            named = [choice if isinstance(choice, str) else choice["name"] for choice in chosen]
            assert [choice.name for choice in getattr(config, kind.slot)] == named
        elif chosen is not None:
            assert getattr(config, kind.slot).name == (chosen if isinstance(chosen, str) else chosen["name"])


@every_recipe
def test_a_recipe_can_be_built_as_it_is(recipe: Recipe) -> None:
    with torch.random.fork_rng():
        system = build_system(resolved(recipe), REGISTRY, DataSummary(ImageShape(1, 32), classes=10, vocabulary=("a",)))
    decoded = system.code_dim if system.encoder is None else system.encoder.code_dim
    assert decoded == math.prod(resolved(recipe).code_shape)


def recipe_named(name: str) -> BuiltSystem:
    return built(REGISTRY.recipe(name))


def test_learned() -> None:
    system = recipe_named("learned")
    assert system.prior.learning is Learning.ADVERSARIAL
    assert system.loss.needs_image_critic
    assert set(system.trained()) == {"encoder", "decoder", "prior", "regularizer", "image_critic"}
    assert not system.encoder.stochastic
    assert resolved(REGISTRY.recipe("learned")).decoder_in_both_phases


def test_aae() -> None:
    system = recipe_named("aae")
    assert system.prior.learning is Learning.FIXED
    assert set(system.trained()) == {"encoder", "decoder", "regularizer"}
    assert not system.encoder.stochastic


def test_vae() -> None:
    system = recipe_named("vae")
    assert system.prior.has_density
    assert system.encoder.stochastic
    assert set(system.trained()) == {"encoder", "decoder"}
    # A sum over pixels and a sum over the dimensions of a code: together they are a bound, up to the noise's variance.
    image = torch.zeros(1, 1, 16, 16)
    torch.testing.assert_close(system.loss(image + 1, image), torch.tensor(256.0))
    posterior = system.encoder(torch.zeros(2, 1, 16, 16), torch.zeros(2, 4))
    (term,) = system.regularizer.encoder_terms(posterior, system.prior, torch.zeros(2, 4)).values()
    assert posterior.log_variance is not None
    variance = posterior.log_variance.exp()
    expected = 0.5 * (posterior.mean.square() + variance - 1 - posterior.log_variance).sum(1).mean()
    torch.testing.assert_close(term, expected)


@every_recipe
def test_the_documentation_has_every_system(recipe: Recipe) -> None:
    page = (Path(__file__).parents[2] / "docs" / "systems.md").read_text(encoding="utf-8")
    table = page.partition("\n## ")[0]
    listed = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert sum(f"`{recipe.name}`" in names for names in listed) == 1
