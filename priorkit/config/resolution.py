"""From layers of settings to one checked configuration: defaults, then recipe or file, then flags."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from priorkit.config.component_choice import ComponentChoice, comma_separated
from priorkit.config.fields import flag_for
from priorkit.config.run_config import LIMITS, NAMED_TABLES, RunConfig
from priorkit.config.run_length import resolved_length
from priorkit.config.stages import open_ended
from priorkit.deprecation import with_current_names
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS, Kind, Options, nearest
from priorkit.registry import Registered, Registry, bare_name
from priorkit.registry.guard import guarded

__all__ = [
    "choices_of",
    "component_options",
    "merge_settings",
    "resolve_config",
    "validate_settings",
]

_SLOTS = frozenset(kind.slot for kind in KINDS if not kind.several)
_TABLES = _SLOTS | frozenset(NAMED_TABLES)
_LISTS = frozenset(kind.slot for kind in KINDS if kind.several)


def choices_of(config: RunConfig) -> Iterator[tuple[Kind, ComponentChoice]]:
    """Yields every component that a configuration chooses, with its kind.

    Examples:
        >>> from priorkit.config import RunConfig, choices_of
        >>> {kind.slot: choice.name for kind, choice in choices_of(RunConfig(prior="mixture"))}["prior"]
        'mixture'
    """
    for kind in KINDS:
        chosen = getattr(config, kind.slot)
        for choice in chosen if kind.several else (chosen,):
            yield kind, choice


def _as_table(value: Any) -> dict[str, Any] | None:
    """A choice of a component or schedule as a table; None if it is invalid, which validation will report."""
    if isinstance(value, ComponentChoice):
        return {"name": value.name, **value.options}
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, str):
        return {"name": value}
    return dict(value) if isinstance(value, Mapping) else None


def _overridden(under: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides one table by another. Overriding keys come last, so that they count in `with_current_names`, too."""
    return {**{key: value for key, value in under.items() if key not in table}, **table}


def merge_settings(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides one mapping of settings by another.

    If the upper mapping chooses another component, the lower mapping's options of this slot are dropped: they belong to
    the replaced component. If the upper mapping has a limit (`LIMITS`) or stages, all limits of the lower mapping are
    dropped, and with them the length of its last stage, unless another stage already has an open length.

    Examples:
        >>> from priorkit.config import merge_settings
        >>> recipe = {"prior": {"name": "learned", "noise_dim": 32}, "steps": 1000}
        >>> merge_settings(recipe, {"prior": {"noise_dim": 16}})
        {'prior': {'name': 'learned', 'noise_dim': 16}, 'steps': 1000}
        >>> merge_settings(recipe, {"prior": "gaussian", "epochs": 5})
        {'prior': {'name': 'gaussian'}, 'epochs': 5}
    """
    lower, upper = (with_current_names(layer, RunConfig.renamed_options) for layer in (lower, upper))
    limited = any(upper.get(key) is not None for key in LIMITS)
    staged = upper.get("stages") is not None
    merged = {key: value for key, value in lower.items() if not ((limited or staged) and key in LIMITS)}
    if limited and not staged and lower.get("stages"):
        merged["stages"] = open_ended(lower["stages"])
    for key, value in upper.items():
        below = merged.get(key)
        if key in _LISTS:
            merged[key] = _merged_list(key, below, value)
            continue
        table = _as_table(value) if key in _TABLES else None
        if table is not None:
            under = _as_table(below) or {}
            keep = "name" not in table or table["name"] == under.get("name")
            merged[key] = _overridden(under if keep else {}, table)
        elif isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = {**below, **value}
        else:
            merged[key] = value
    return merged


def _merged_list(slot: str, below: Any, value: Any) -> Any:
    """Merges two lists of components: names keep their earlier options; a mapping changes options only."""
    below, value = comma_separated(below), comma_separated(value)
    tables = [_as_table(item) for item in below] if isinstance(below, Sequence) else []
    under = {str(table.get("name")): table for table in tables if table is not None}
    if isinstance(value, Mapping):
        under = under or {choice.name: {"name": choice.name} for choice in RunConfig.model_fields[slot].default}
        for name, options in value.items():
            if name not in under:
                raise ConfigurationError(
                    f"{flag_for((slot, name))}: {name!r} is not among the {slot} of this run, which are "
                    f"{', '.join(under)}; name it with {flag_for((slot,))} {','.join([*under, name])}"
                )
            if not isinstance(options, Mapping):
                raise ConfigurationError(f"{flag_for((slot, name))}: expected a table of options, given {options!r}")
        return [_overridden(table, value.get(name, {})) for name, table in under.items()]
    if not isinstance(value, Sequence):
        return value
    tables = [_as_table(item) for item in value]
    return [
        item if table is None else _overridden(under.get(str(table.get("name")), {}), table)
        for item, table in zip(value, tables, strict=True)
    ]


def _explain(error: ValidationError, model: type[BaseModel], prefix: tuple[str, ...], owner: str) -> str:
    """The first of pydantic's errors in one line: the option, its value and what was expected."""
    detail = error.errors(include_url=False)[0]
    path = tuple(str(part) for part in detail["loc"])
    # Union members, literals and list positions add parts to the location that are not configuration keys.
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
    if keys == ["stages"] and len(path) > 1:
        # Which one, and which of its keys.
        message = f"stage {int(path[1]) + 1}: {': '.join([*path[2:], message])}"
    given = detail["input"]
    plain = isinstance(given, str | int | float | bool | type(None))
    shown = json.dumps(given, ensure_ascii=False) if plain else " ".join(repr(given).split())
    if len(keys) == 2 and keys[0] in NAMED_TABLES and keys[1] == "name":
        # Its name has the flag of the table.
        keys.pop()
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
    """Validates a component's options with its plug-in's options class.

    Raises:
        ConfigurationError: An option is unknown, or its value has the wrong type or range.
        PluginError: A third party's plug-in fails while it checks the options.

    Examples:
        >>> from priorkit import installed_plugins
        >>> from priorkit.config import component_options
        >>> component_options(installed_plugins().get("prior", "learned"), {"noise_dim": 16}).noise_dim
        16
        >>> component_options(installed_plugins().get("prior", "learned"), {"noise_dim": 0})
        Traceback (most recent call last):
            ...
        priorkit.errors.ConfigurationError: --prior.noise-dim: input should be greater than or equal to 1; given 0
    """
    component = registered.component
    owner = f"{registered.slot.replace('_', ' ')} {component.name!r}"
    try:
        with guarded(registered, f"{flag_for((registered.slot,))} {component.name}"):
            current = with_current_names(given, component.options.renamed_options, f" of {owner}")
            return component.options.model_validate(current)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, component.options, registered.table, owner)) from None


def validate_settings(settings: Mapping[str, Any]) -> RunConfig:
    """Turns plain settings into a configuration, without checking the components' own options.

    Raises:
        ConfigurationError: A key is unknown, or a value has the wrong type or range.

    Examples:
        >>> from priorkit.config import validate_settings
        >>> validate_settings({"prior": "mixture", "steps": 500}).prior.name
        'mixture'
        >>> validate_settings({"step": 500})
        Traceback (most recent call last):
            ...
        priorkit.errors.ConfigurationError: --step: a run has no option 'step'; did you mean 'steps'? Options: ...
    """
    try:
        return RunConfig.model_validate(dict(settings))
    except ValidationError as error:
        raise ConfigurationError(_explain(error, RunConfig, (), "a run")) from None


def resolve_config(config: RunConfig, registry: Registry) -> RunConfig:
    """Fills in every default, including those of the chosen components, so that the result is self-contained.

    The path of the data becomes absolute.

    Raises:
        UnknownComponentError: No plug-in supplies a component of that name.
        ConfigurationError: A component's option is unknown or has an invalid value.

    Examples:
        >>> from priorkit import RunConfig, installed_plugins
        >>> from priorkit.config import resolve_config
        >>> config = RunConfig(prior="learned")
        >>> resolved = resolve_config(config, installed_plugins())
        >>> config.prior.options, resolved.prior.options["noise_dim"], resolved.steps
        ({}, 64, 1500)
    """
    config = config.model_copy(update={"phases": _phases_of_stages(config, registry)})
    resolved: dict[str, Any] = {kind.slot: () for kind in KINDS if kind.several}
    for kind, choice in choices_of(config):
        options = component_options(registry.get(kind.slot, choice.name), choice.options)
        complete = ComponentChoice(name=choice.name, options=options.model_dump(mode="json"))
        resolved[kind.slot] = (*resolved[kind.slot], complete) if kind.several else complete
    resolved.update(resolved_length(config))
    if config.data_dir is not None:
        # Runs may be resumed, and their data read again, from another working directory.
        resolved["data_dir"] = config.data_dir.absolute()
    return config.model_copy(update=resolved)


def _phases_of_stages(config: RunConfig, registry: Registry) -> tuple[ComponentChoice, ...]:
    """Returns the phase components of the run: if the run has stages, the phases that the stages name.

    Raises:
        ConfigurationError: No stage uses a phase that was requested.
    """
    if not config.stages:
        return config.phases
    known = registry.names("phases")
    named = {bare_name(name).replace("_", "-") for stage in config.stages for name in stage.phases}
    every = any(not stage.phases for stage in config.stages)
    listed = [choice.name for choice in config.phases]
    default = {choice.name for choice in RunConfig.model_fields["phases"].default}
    idle = [name for name in listed if not every and bare_name(name) not in named and bare_name(name) not in default]
    if idle:
        raise ConfigurationError(
            f"--phases {idle[0]}: no stage uses this phase; the stages are {','.join(map(str, config.stages))}; add "
            "it to one of them, or leave it out"
        )
    added = sorted(name for name in named if name in known and name not in map(bare_name, listed))
    kept = [choice for choice in config.phases if every or bare_name(choice.name) in named]
    return (*kept, *(ComponentChoice(name=name) for name in added))
