"""Compares the plug-ins that a run used with the installed ones."""

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from priorkit.config import ComponentChoice, RunConfig
from priorkit.errors import UnknownComponentError
from priorkit.plugins import KINDS, Kind, PluginWarning
from priorkit.registry import BUILTIN, GIVEN, REGISTERED, Registered, Registry
from priorkit.runs.given_again import require_modules_again
from priorkit.runs.kept_settings import require_known_options

__all__ = ["needed_distributions", "registered_components", "require_plugins", "with_used_plugins"]


def _named(registry: Registry, slot: str, name: str) -> list[Registered]:
    return [item for item in registry.components(slot) if item.component.name == name]


def _left_out() -> str:
    """Ends a sentence about a missing plug-in, if an environment variable may have excluded it."""
    variables = [name for name in ("PRIORKIT_PLUGINS", "PRIORKIT_DISABLE_PLUGINS") if name in os.environ]
    return f", or see whether {' or '.join(variables)} leaves it out" if variables else ""


def _used(environment: Mapping[str, Any]) -> Iterator[tuple[Kind, Mapping[str, str]]]:
    """Yields the recorded components of a run, with their kinds."""
    for kind in KINDS:
        recorded = environment["components"].get(kind.slot)
        for used in recorded if isinstance(recorded, list) else [recorded]:
            if used is not None:
                yield kind, used


def needed_distributions(environment: Mapping[str, Any]) -> dict[str, str]:
    """The third-party distributions of a run's components, with the versions of its training.

    Components that Python code gave or registered have none.
    """
    return {
        used["distribution"]: used["version"]
        for kind, used in _used(environment)
        if kind.slot != "extractor" and used["distribution"] not in (BUILTIN, GIVEN, REGISTERED)
    }


def registered_components(environment: Mapping[str, Any]) -> tuple[str, ...]:
    """The components of a run that a program had registered, as `prior mine`."""
    return tuple(
        f"{kind.title} {used['name']}"
        for kind, used in _used(environment)
        if kind.slot != "extractor" and used["distribution"] == REGISTERED
    )


def require_plugins(path: Path, environment: Mapping[str, Any], registry: Registry) -> None:
    """Checks that every component of a run is available, from its original distribution.

    Warns if the version of a third-party distribution has changed.

    Args:
        path: The run folder.
        environment: What the run was made with.
        registry: The current registry.

    Raises:
        UnknownComponentError: A component is missing; the message names its distribution.
        ConfigurationError: Python code gave the run a module, but does not give it again.
    """
    require_modules_again(path, environment, registry)
    missing, versions, owners = [], {}, set()
    for kind, used in _used(environment):
        # The extractor was not trained: only evaluation will need it.
        if kind.slot == "extractor":
            continue
        distribution = used["distribution"]
        # Images that Python code gave are needed only for reading the data.
        if distribution == GIVEN and kind.slot == "dataset":
            continue
        found = [i for i in _named(registry, kind.slot, used["name"]) if i.distribution == distribution]
        if not found:
            owners.add(distribution)
            missing.append(f"{kind.title} {used['name']!r} of {distribution} {used['version']}")
        elif distribution != BUILTIN and found[0].version != used["version"]:
            versions[distribution] = (used["version"], found[0].version)
    if missing:
        reasons = [
            f"{failure.entry_point!r} of {failure.distribution} {failure.version} is broken: {failure.explanation}"
            for failure in registry.failures
            if failure.distribution in owners
        ]
        raise UnknownComponentError(
            f"the run {str(path)!r} uses {', '.join(missing)}, which no installed plug-in supplies; "
            f"{'; '.join(reasons) + '; mend it, or' if reasons else ''} install it again{_left_out()} "
            "(`priorkit plugins` lists what is loaded and what is broken)"
            + ("; first register what a program had registered: priorkit.register" if REGISTERED in owners else "")
        )
    for distribution, (then, now) in versions.items():
        warnings.warn(
            f"the run {str(path)!r} was trained with {distribution} {then}, and {now} is installed now; "
            "its components may give other results",
            PluginWarning,
            stacklevel=3,
        )


def with_used_plugins(
    config: RunConfig, environment: Mapping[str, Any], registry: Registry, file: Path | None = None
) -> RunConfig:
    """Adds distributions to ambiguous names of a run's components, so that the original components are built.

    Otherwise names stay bare, so that other installed plug-ins do not change the configuration.

    Args:
        config: The run's configuration.
        environment: What the run was made with.
        registry: The current registry.
        file: The configuration's file, which errors about unknown options name.

    Raises:
        ConfigurationError: A component does not know an option, or a value of it.
    """
    update: dict[str, Any] = {}
    for kind, used in _used(environment):
        bare, qualified = used["name"], f"{used['distribution']}:{used['name']}"
        name = qualified if len(_named(registry, kind.slot, bare)) > 1 else bare
        chosen = update.get(kind.slot, getattr(config, kind.slot))
        renamed = [
            ComponentChoice(name=name, options=choice.options) if choice.name in (bare, qualified) else choice
            for choice in (chosen if kind.several else (chosen,))
        ]
        update[kind.slot] = tuple(renamed) if kind.several else renamed[0]
        if kind.slot == "phases" and name != bare and config.stages:
            update["stages"] = tuple(
                stage.model_copy(update={"phases": tuple(name if item == bare else item for item in stage.phases)})
                for stage in update.get("stages", config.stages)
            )
    named = config.model_copy(update=update)
    if file is not None:
        require_known_options(named, registry, file, environment.get("priorkit"))
    return named
