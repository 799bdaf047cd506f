"""Studies that compare arbitrary recipes, each trained with several seeds."""

from collections.abc import Sequence

from priorkit.errors import ConfigurationError
from priorkit.registry import Registry
from priorkit.studies.study import ComparedSystem, Study

__all__ = ["study_of_recipes"]


def study_of_recipes(names: Sequence[str], registry: Registry) -> Study:
    """A study whose systems are unchanged recipes.

    Args:
        names: The recipes' names.
        registry: Where recipes come from.

    Raises:
        UnknownComponentError: There is no such recipe.
        ConfigurationError: No recipe is named, or one is named twice.

    Examples:
        >>> from priorkit import installed_plugins
        >>> from priorkit.studies import study_of_recipes
        >>> [system.title for system in study_of_recipes(["vae", "aae"], installed_plugins()).systems]
        ['vae', 'aae']
    """
    if not names:
        raise ConfigurationError("name the recipes to train with several seeds: priorkit compare vae aae --seeds 3")
    for name in names:
        registry.recipe(name)
        if names.count(name) > 1:
            raise ConfigurationError(f"the recipe {name!r} is named twice; name it once, and repeat it by --seeds N")
    systems = tuple(ComparedSystem(name.replace(":", "-"), name, name) for name in names)
    return Study("-".join(system.name for system in systems), "recipes side by side", (), systems)
