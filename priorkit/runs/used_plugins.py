"""The plug-ins that a run used, and those that are here now."""

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
    """Continues a sentence about a missing plug-in, where the environment may be what leaves it out."""
    variables = [name for name in ("PRIORKIT_PLUGINS", "PRIORKIT_DISABLE_PLUGINS") if name in os.environ]
    return f", or see whether {' or '.join(variables)} leaves it out" if variables else ""


def _used(environment: Mapping[str, Any]) -> Iterator[tuple[Kind, Mapping[str, str]]]:
    """Every component that a run has recorded, with its kind."""
    for kind in KINDS:
        recorded = environment["components"].get(kind.slot)
        for used in recorded if isinstance(recorded, list) else [recorded]:
            if used is not None:
                yield kind, used


def needed_distributions(environment: Mapping[str, Any]) -> dict[str, str]:
    """The distributions of others that a run's components are of, with the versions that it was trained with.

    What Python code gave or registered is of none.
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
    """Makes sure that every component of a run is here, from the distribution that it was of.

    Warns where the version of a distribution other than priorkit is another one now.

    Args:
        path: The run folder.
        environment: What the run was made with.
        registry: What there is now.

    Raises:
        UnknownComponentError: A component is not here; the message names the distribution that had it.
        ConfigurationError: Python code gave the run a module, and does not give it again.
    """
    require_modules_again(path, environment, registry)
    missing, versions, owners = [], {}, set()
    for kind, used in _used(environment):
        # The extractor is no part of what was trained: who scores the run will miss it.
        if kind.slot == "extractor":
            continue
        distribution = used["distribution"]
        # Images that Python code gave are needed by those alone who read the data.
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
            + ("; what was registered by a program, register first: priorkit.register" if REGISTERED in owners else "")
        )
    for distribution, (then, now) in versions.items():
        warnings.warn(
            f"the run {str(path)!r} was trained with {distribution} {then}, and {now} is installed now; "
            "its components may compute something else",
            PluginWarning,
            stacklevel=3,
        )


def with_used_plugins(
    config: RunConfig, environment: Mapping[str, Any], registry: Registry, file: Path | None = None
) -> RunConfig:
    """Names a run's components with their distributions where several have the name now, so that its own are built.

    Elsewhere they have their bare names: what else is installed makes no other configuration.

    Args:
        config: The run's configuration.
        environment: What the run was made with.
        registry: What there is now.
        file: Where the configuration was read, to be blamed for options that components do not know.

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
