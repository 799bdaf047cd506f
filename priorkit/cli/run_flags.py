"""The flags of `priorkit train` and `priorkit fit`: the run's own, and those of the selected components."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from priorkit.cli.arguments import HELP_FLAGS, Parser, add_common, refuse_unknown
from priorkit.cli.component_flags import component_options_of_all, former_options_of_all, tie_values
from priorkit.cli.foreign_options import refuse_foreign
from priorkit.cli.run_command import RunCommand, TrainArguments
from priorkit.config import (
    NAMED_TABLES,
    ComponentChoice,
    FieldDescription,
    RunConfig,
    choices_of,
    component_options,
    describe_fields,
    describe_former_fields,
    merge_settings,
    read_toml,
    validate_settings,
    value_in_words,
)
from priorkit.deprecation import with_current_names
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS, kind_named
from priorkit.registry import Registry

__all__ = ["TRAIN", "parse_train_arguments"]

Choices = Mapping[tuple[str, ...], ComponentChoice]
"""The selected components, by the path of their options in the configuration."""

_PATHS = ("--out", "--resume", "--checkpoint", "--track")
_GROUPS = (
    ("data", "data_dir"),
    ("algorithm", "decoder_in_both_phases"),
    ("optimisation", "batch_size"),
    ("length", "stages"),
    ("machine", "seed"),
    ("output", "log_every"),
)
"""Headings of the run's own options in the help, and the first field below each."""
_LISTS = frozenset(kind.slot for kind in KINDS if kind.several)


def _base_parser(command: RunCommand) -> Parser:
    parser = Parser(command.program, command.summary, command.usage, help_flag=False)
    metavar, text = command.subject
    parser.add_argument("recipe", nargs="?", default="", metavar=metavar, help=text or argparse.SUPPRESS)
    parser.add_argument(
        "-h", "--help", action="store_true", help="show this help, with the options of the selected components"
    )
    metavar, text = command.out
    parser.add_argument("--out", type=Path, metavar=metavar, help=text)
    for flag, name, meaning in command.files:
        parser.add_argument(flag, metavar=name, help=meaning)
    if not command.files:
        parser.add_argument(
            "--track",
            action="append",
            metavar="NAME",
            help="send measurements to wandb, mlflow, comet or tensorboard; may be repeated; none for no tracker "
            "(default: no tracker; a resumed run keeps its own)",
        )
    if command is TRAIN:
        parser.add_argument("--resume", type=Path, metavar="RUN", help="resume a run as if it had never stopped")
    elif not command.files:
        parser.add_argument("--checkpoint", default="last", metavar="NAME", help="start from last (default) or best")
    return parser


def _nested(pairs: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Nests settings given by paths: a slot's own path holds its component's name, longer paths hold the options."""
    slots = {kind.slot for kind in KINDS if not kind.several} | set(NAMED_TABLES)
    lists = {path[0]: value for path, value in pairs.items() if len(path) == 1 and path[0] in _LISTS}
    settings: dict[str, Any] = {}
    for path, value in pairs.items():
        if path[0] in lists:
            continue
        *tables, key = (*path, "name") if len(path) == 1 and path[0] in slots else path
        table = settings
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
    for slot, names in lists.items():
        options = _nested({path: value for path, value in pairs.items() if path[0] == slot and len(path) > 1})
        settings = merge_settings({**settings, slot: names}, options)
    return settings


def _lower_layer(recipe: str, registry: Registry) -> dict[str, Any]:
    if not recipe:
        return {}
    if recipe.endswith(".toml"):
        return _of_file(Path(recipe), registry)
    settings = dict(registry.recipe(recipe).settings)
    try:
        validate_settings(settings)
    except ConfigurationError as error:
        raise ConfigurationError(f"the recipe {recipe!r} is broken: {error}") from error
    return settings


def _of_file(file: Path, registry: Registry) -> dict[str, Any]:
    """Returns the settings in a file; those of an earlier version's run are migrated to the current format.

    Raises:
        ConfigurationError: The file is a run's own and cannot be used; the message names it and the version that wrote
            it.
        RunFolderError: A newer version has written the run.
    """
    settings = read_toml(file)
    if file.name != "config.toml" or not file.with_name("environment.json").is_file():
        return settings
    try:
        config = validate_settings(settings)
        for kind, choice in choices_of(config):
            if choice.name in registry.names(kind.slot):
                component_options(registry.get(kind.slot, choice.name), choice.options)
    except ConfigurationError:
        # Only now: it needs torch.
        from priorkit.runs.folder import RunFolder
        from priorkit.runs.used_plugins import with_used_plugins

        folder = RunFolder.open(file.parent)
        used = with_used_plugins(folder.read_config(), folder.read_environment(), registry, file)
        return used.model_dump(exclude_none=True)
    return settings


def _defaults() -> dict[str, Any]:
    """Returns the default component of every slot, so that its options can be given without its name."""
    return {kind.slot: {"name": RunConfig.model_fields[kind.slot].default.name} for kind in KINDS if not kind.several}


def _check_for_resume(recipe: str, out: Path | None) -> None:
    if recipe:
        raise ConfigurationError(
            f"--resume keeps a run's configuration, but {recipe!r} would configure another run; leave one out"
        )
    if out is not None:
        raise ConfigurationError("--resume continues in the run's own folder: leave out --out")


TRAIN = RunCommand(
    "priorkit train",
    "Trains an autoencoder and its prior.",
    "priorkit train [RECIPE | FILE.toml] [--prior NAME] [--prior.OPTION VALUE] [...] [--out RUN | --resume RUN]",
    ("RECIPE", "a recipe's name, or the path of a .toml file"),
    _lower_layer,
)


def parse_train_arguments(arguments: Sequence[str], registry: Registry, command: RunCommand = TRAIN) -> TrainArguments:
    """Parses the arguments of a command that trains a run, in two passes.

    The first pass accepts the options of all components and determines which components are selected; the second
    accepts only the options of the selected components.

    Raises:
        ConfigurationError: An option is unknown, lacks a value, or contradicts another.
        UnknownComponentError: There is no such component or recipe.
    """
    # Current names come last: if another option had the same name before, the current one counts.
    described = [*former_options_of_all(registry), *component_options_of_all(registry), *describe_fields(RunConfig)]
    paths = (*_PATHS, *(flag for flag, _, _ in command.files))
    joined = tie_values(arguments, described, paths)
    _, given, lower = _read(joined, described, registry, command)
    # Whether a flag takes a value, and how the value is read, depends on the selected component.
    selected = _selected(_choices(merge_settings(lower, _nested(given))), registry)
    joined = tie_values(arguments, [*described, *selected], paths)
    found, given, lower = _read(joined, described, registry, command)
    chosen = _choices(merge_settings(lower, _nested(given)))
    known = {item.path: item for item in selected}
    values = {path: known[path].value(text) if path in known else text for path, text in given.items()}
    flags = with_current_names(_nested(values), RunConfig.renamed_options)
    settings = merge_settings(lower, flags)

    parser = _second_parser(chosen, registry, command, lower)
    if not HELP_FLAGS.isdisjoint(arguments):
        text = parser.format_help()
        return TrainArguments(found.recipe, settings, flags, None, None, "last", found.json, found.quiet, text)
    _, foreign = parser.parse_known_args(joined)
    refuse_foreign(foreign, chosen, registry)
    resume, checkpoint = getattr(found, "resume", None), getattr(found, "checkpoint", "last")
    if resume is not None:
        _check_for_resume(found.recipe, found.out)
    validate_settings(settings)
    named = {flag[2:]: getattr(found, flag[2:].replace("-", "_")) for flag, _, _ in command.files}
    return TrainArguments(
        found.recipe,
        settings,
        flags,
        found.out,
        Path(resume) if resume is not None else None,
        checkpoint,
        found.json,
        found.quiet,
        track=getattr(found, "track", None),
        files={name: value for name, value in named.items() if value is not None},
    )


def _read(
    joined: Sequence[str], described: Sequence[FieldDescription], registry: Registry, command: RunCommand
) -> tuple[argparse.Namespace, dict[tuple[str, ...], str], dict[str, Any]]:
    """Returns the parsed arguments, the given options by their paths, and the settings that these override."""
    scout = _base_parser(command)
    add_common(scout)
    for flag in sorted({item.flag for item in described}):
        scout.add_argument(flag)
    found, unknown = scout.parse_known_args(joined)
    refuse_unknown(unknown, scout.flags(), command.program)
    paths = {item.path: item.flag for item in described}
    values = vars(found)
    given = {path: text for path, flag in paths.items() if (text := values[flag[2:].replace("-", "_")]) is not None}
    lower = merge_settings(_defaults(), command.lower_layer(found.recipe, registry))
    _choices(lower)
    return found, given, lower


def _choices(settings: Mapping[str, Any]) -> Choices:
    """Returns the selected components, by the path of their options: `("prior",)`, `("phases", "energy")`.

    Raises:
        ConfigurationError: The value of a slot selects no component.
    """
    config = validate_settings({kind.slot: settings[kind.slot] for kind in KINDS if kind.slot in settings})
    return {(kind.slot, choice.name) if kind.several else (kind.slot,): choice for kind, choice in choices_of(config)}


def _selected(choices: Choices, registry: Registry) -> list[FieldDescription]:
    """Returns the run's own options and those of the selected components."""
    described = [*describe_former_fields(RunConfig), *describe_fields(RunConfig)]
    for path, choice in choices.items():
        options = registry.get(path[0], choice.name).component.options
        described += [*describe_former_fields(options, path), *describe_fields(options, path)]
    return described


def _second_parser(
    choices: Choices,
    registry: Registry,
    command: RunCommand,
    lower: Mapping[str, Any],
) -> Parser:
    """Returns a parser of the run's options and those of the selected components, with their actual defaults."""
    parser = _base_parser(command)
    group = parser.add_argument_group("components", "`priorkit components` describes all of them")
    starts = {field: title for title, field in _GROUPS}
    names = {kind.slot: registry.names(kind.slot) for kind in KINDS}
    for item in describe_fields(RunConfig):
        slot = item.path[0]
        if slot in command.hidden:
            parser.add_argument(item.flag, help=argparse.SUPPRESS)
            continue
        if slot in names:
            chosen = [choice.name for path, choice in choices.items() if path[0] == slot]
            _add(group, item, f"{item.description}: {', '.join(names[slot])}", ",".join(chosen))
            continue
        if slot in starts and len(item.path) == 1:
            group = parser.add_argument_group(starts[slot])
        default = value_in_words(_plain(lower[slot])) if slot in lower and len(item.path) == 1 else item.default
        _add(group, item, item.description, default)
    for path, choice in choices.items():
        options = describe_fields(registry.get(path[0], choice.name).component.options, path)
        if path[0] in command.hidden:
            # Accepted here, so that a later check refuses them with a message of their own.
            for item in options:
                parser.add_argument(item.flag, help=argparse.SUPPRESS)
            continue
        if options:
            group = parser.add_argument_group(f"{kind_named(path[0]).title} {choice.name}")
            for item in options:
                given, key = choice.options, item.path[-1]
                _add(group, item, item.description, value_in_words(given[key]) if key in given else item.default)
    for item in _selected(choices, registry):
        if item.former:
            # Accepted, but not shown.
            parser.add_argument(item.flag, help=argparse.SUPPRESS)
    add_common(parser)
    return parser


def _plain(value: Any) -> Any:
    """Returns the value for a setting's own flag: of a table with a name, the name."""
    return value.get("name", value) if isinstance(value, Mapping) else value


def _add(group: Any, item: FieldDescription, description: str, default: str) -> None:
    metavar = "[yes|no]" if item.switch else item.type.split(" ")[0].upper()
    shown = f"{description} [{item.type}; default {default}]"
    group.add_argument(item.flag, metavar=metavar, help=shown.replace("%", "%%"))
