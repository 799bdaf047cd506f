"""Recipes as configurations."""

from typing import Any

from priorkit.config.resolution import merge_settings, validate_settings
from priorkit.config.run_config import RunConfig
from priorkit.registry import Registry, installed_plugins

__all__ = ["recipe"]


def recipe(name: str, *, registry: Registry | None = None, **changes: Any) -> RunConfig:
    """The configuration of a recipe: `recipe("vae", steps=500)`.

    Args:
        name: The recipe's name, `name` or `distribution:name` (`priorkit components recipe` lists them).
        registry: Where recipes come from; the installed plug-ins if None.
        **changes: Settings to change, fields of `RunConfig`. To change options of the recipe's components, give a
            table: `prior={"noise_dim": 16}`.

    Raises:
        UnknownComponentError: There is no such recipe.
        ConfigurationError: A setting is unknown or has an invalid value.

    Examples:
        >>> import priorkit
        >>> config = priorkit.recipe("vae", steps=500)
        >>> config.prior.name, config.regularizer.name, config.steps
        ('gaussian', 'kl', 500)
    """
    registry = installed_plugins() if registry is None else registry
    return validate_settings(merge_settings(registry.recipe(name).settings, changes))
