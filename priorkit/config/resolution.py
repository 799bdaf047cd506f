"""From layers of settings to one checked configuration: defaults, then recipe or file, then flags."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from priorkit.config.fields import flag_for
from priorkit.config.run_config import DEFAULT_STEPS, LIMITS, ComponentChoice, RunConfig
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS, Options, Registered, Registry, nearest
from priorkit.plugins.guard import guarded

__all__ = ["component_options", "merge_settings", "resolve_config", "validate_settings"]

_SLOTS = frozenset(kind.slot for kind in KINDS)


def _as_table(value: Any) -> dict[str, Any] | None:
    """A choice of a component as a table; None if it is none, which validation will complain about."""
    if isinstance(value, ComponentChoice):
        return {"name": value.name, **value.options}
    if isinstance(value, str):
        return {"name": value}
    return dict(value) if isinstance(value, Mapping) else None


def merge_settings(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Lays one mapping of settings over another.

    Where the upper one chooses another component, the lower one's options for that slot go with the component that they
    belonged to. Where it brings a limit of length (`LIMITS`), the lower one's limits, of whichever kind, go.
    """
    limited = any(upper.get(key) is not None for key in LIMITS)
    merged = {key: value for key, value in lower.items() if not (limited and key in LIMITS)}
    for key, value in upper.items():
        below = merged.get(key)
        table = _as_table(value) if key in _SLOTS else None
        if table is not None:
            under = _as_table(below) or {}
            keep = "name" not in table or table["name"] == under.get("name")
            merged[key] = {**(under if keep else {}), **table}
        elif isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = {**below, **value}
        else:
            merged[key] = value
    return merged


def _explain(error: ValidationError, model: type[BaseModel], prefix: tuple[str, ...], owner: str) -> str:
    """One line for the first of pydantic's complaints: the option, the value and what was expected."""
    detail = error.errors(include_url=False)[0]
    path = tuple(str(part) for part in detail["loc"])
    # Union members, literals and places in lists add parts to the location that are no keys of the configuration.
    keys: list[str] = []
    known = model
    for part in path:
        if part not in known.model_fields:
            break
        keys.append(part)
        annotation = known.model_fields[part].annotation
        known = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else BaseModel
    if detail["type"] == "extra_forbidden" and len(keys) == len(path) - 1 and known is not BaseModel:
        return f"{flag_for((*prefix, *path))}: {_unknown_option(path[-1], known, owner)}"
    message = " ".join(detail["msg"].removeprefix("Value error, ").split())
    message = re.sub(r"a valid dictionary( or instance of \w+)?$", "a table of options", message)
    message = message[:1].lower() + message[1:]
    given = detail["input"]
    plain = isinstance(given, str | int | float | bool | type(None))
    shown = json.dumps(given, ensure_ascii=False) if plain else " ".join(repr(given).split())
    where = (*prefix, *keys)
    return f"{flag_for(where) if where else owner}: {message}; given {shown}"


def _unknown_option(key: str, model: type[BaseModel], owner: str) -> str:
    if (spelling := key.replace("-", "_")) in model.model_fields:
        return f"a configuration spells the option {key!r} as {spelling!r}"
    moved = model.moved_options.get(spelling) if issubclass(model, Options) else None
    if moved is not None:
        return f"{owner} has no such option any more; use {moved}"
    wrong = key.replace("_", "-")
    names = [name.replace("_", "-") for name in model.model_fields]
    return f"{owner} has no option {wrong!r}{nearest(wrong, names)} Options: {', '.join(names) or 'none'}."


def component_options(registered: Registered, given: Mapping[str, Any]) -> Options:
    """Validates a component's options with the class that its plug-in gives.

    Raises:
        ConfigurationError: There is no such option, or its value has the wrong type or range.
        PluginError: A third party's plug-in fails to check them.
    """
    component = registered.component
    try:
        with guarded(registered, f"{flag_for((registered.slot,))} {component.name}"):
            return component.options.model_validate(dict(given))
    except ValidationError as error:
        owner = f"{registered.slot.replace('_', ' ')} {component.name!r}"
        raise ConfigurationError(_explain(error, component.options, (registered.slot,), owner)) from None


def validate_settings(settings: Mapping[str, Any]) -> RunConfig:
    """Turns plain settings into a configuration; the components' own options stay unchecked.

    Raises:
        ConfigurationError: A key is unknown, or a value has the wrong type or range.
    """
    try:
        return RunConfig.model_validate(dict(settings))
    except ValidationError as error:
        raise ConfigurationError(_explain(error, RunConfig, (), "a run")) from None


def resolve_config(config: RunConfig, registry: Registry) -> RunConfig:
    """Fills in every default, those of the chosen components included, so that the result stands on its own.

    The folder of the data becomes an absolute path.

    Raises:
        UnknownComponentError: No plug-in supplies a component of that name.
        ConfigurationError: A component's option is unknown or has a wrong value.
    """
    resolved: dict[str, Any] = {}
    for kind in KINDS:
        choice: ComponentChoice = getattr(config, kind.slot)
        options = component_options(registry.get(kind.slot, choice.name), choice.options)
        resolved[kind.slot] = ComponentChoice(name=choice.name, options=options.model_dump(mode="json"))
    if all(getattr(config, key) is None for key in LIMITS):
        resolved["steps"] = DEFAULT_STEPS
    if config.data_dir is not None:
        # A run is gone on with, and its data read again, from any folder.
        resolved["data_dir"] = config.data_dir.absolute()
    return config.model_copy(update=resolved)
