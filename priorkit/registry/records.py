"""Checks the records that a plug-in supplies."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from priorkit.plugins.component import Component, Options, Recipe, is_component_name
from priorkit.plugins.hooks import supplied

__all__ = ["checked_components", "checked_recipes"]

_RESERVED = frozenset({"name", "options"})
"""Reserved keys among a component's options in a configuration."""


def checked_components(given: Any, hook: str) -> list[Component[object]]:
    """Checks the result of a hook of components; returns it as a list.

    Raises:
        TypeError: An item is not a component, or has an attribute of a wrong type.
        ValueError: A name, a text or a class of options is invalid.
    """
    components: list[Component[object]] = []
    for record in supplied(given, hook):
        if not isinstance(record, Component):
            raise TypeError(f"{hook}() gave {record!r}, not a Component")
        _check_record(record, hook, "component")
        _check_options(record.options, record.name, hook)
        if not callable(record.build):
            raise TypeError(f"{hook}(): the build of {record.name!r} cannot be called")
        components.append(record)
    _check_unique((record.name for record in components), hook)
    return components


def checked_recipes(given: Any, hook: str) -> list[Recipe]:
    """Checks the result of the hook of recipes; returns it as a list. Errors are as for components."""
    recipes: list[Recipe] = []
    for record in supplied(given, hook):
        if not isinstance(record, Recipe):
            raise TypeError(f"{hook}() gave {record!r}, not a Recipe")
        _check_record(record, hook, "recipe")
        if not isinstance(record.settings, Mapping):
            raise TypeError(f"{hook}(): the settings of {record.name!r} are no mapping")
        if not all(isinstance(key, str) for key in record.settings):
            raise TypeError(f"{hook}(): the settings of {record.name!r} have keys that are no text")
        recipes.append(record)
    _check_unique((record.name for record in recipes), hook)
    return recipes


def _check_record(record: Component[object] | Recipe, hook: str, what: str) -> None:
    """Checks the common attributes of components and recipes."""
    if not isinstance(record.name, str) or not is_component_name(record.name):
        raise ValueError(f"{hook}(): the {what} name {record.name!r} is not lower-case words joined by hyphens")
    for attribute in ("summary", "source"):
        text = getattr(record, attribute)
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{hook}(): the {attribute} of {record.name!r} is {text!r}, not a line of text")


def _check_options(options: object, name: str, hook: str) -> None:
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise TypeError(f"{hook}(): the options of {name!r} are no subclass of Options")
    extra = options.model_config.get("extra")
    if extra != "forbid":
        raise ValueError(
            f"{hook}(): the options of {name!r} take unknown keys (extra={extra!r}), so that a misspelt key would "
            "leave its option at the default without a word: leave extra at 'forbid', as Options has it"
        )
    for field, info in options.model_fields.items():
        if field in _RESERVED:
            raise ValueError(f"{hook}(): the options of {name!r} have a field {field!r}, which is reserved: rename it")
        if not field.isidentifier():
            raise ValueError(f"{hook}(): the options of {name!r} have a field {field!r}, which makes no flag")
        if info.validation_alias is not None or info.serialization_alias is not None:
            raise ValueError(
                f"{hook}(): the options of {name!r} have a field {field!r} with an alias: give it one name only"
            )
        if info.is_required():
            # A component must be choosable by its name alone, `--prior laplace`.
            raise ValueError(
                f"{hook}(): the options of {name!r} have a field {field!r} without a default: give it one, as in "
                f"`{field}: float = 1.0` (None for a field that may be None)"
            )
    made = _made_from_defaults(options, name, hook)
    for field, info in options.model_fields.items():
        if type(None) in get_args(info.annotation) and getattr(made, field) is not None:
            # TOML has no null: a missing key must mean None.
            raise ValueError(
                f"{hook}(): the options of {name!r} have a field {field!r} that may be None but does not default to "
                "it, which a configuration file cannot say: make None the default, or take another value for it"
            )


def _made_from_defaults(options: type[Options], name: str, hook: str) -> Options:
    """Checks that default options can be made, and stored in a configuration.

    Raises:
        ValueError: The options cannot be made, written, or read back.
    """
    try:
        made = options()
        written = {key: value for key, value in made.model_dump(mode="json").items() if value is not None}
        options.model_validate(written)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        complaint = ": ".join([*(str(part) for part in detail["loc"]), detail["msg"]])
        raise ValueError(f"{hook}(): the options of {name!r} refuse their own defaults: {complaint}") from error
    except Exception as error:
        raise ValueError(
            f"{hook}(): the options of {name!r} cannot be made from their defaults, written and read back: "
            f"{type(error).__name__}: {error}"
        ) from error
    return made


def _check_unique(names: Iterable[str], hook: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{hook}() gave {count} records of the name {name!r}")
