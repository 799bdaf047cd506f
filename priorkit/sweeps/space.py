"""The search space of a sweep: settings that all trials share, and options that differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from priorkit.config import (
    FieldDescription,
    RunConfig,
    choices_of,
    describe_fields,
    flag_for,
    merge_settings,
    resolve_config,
    validate_settings,
)
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS, nearest
from priorkit.registry import Registry
from priorkit.sweeps.search import SearchedOption

__all__ = ["SearchSpace"]

_SLOTS = frozenset(kind.slot for kind in KINDS if not kind.several)
_NOT_SEARCHED = ("device", "fitted_to", "fitted_checkpoint", "data_dir", "stages", "phases")
"""Settings that cannot be searched, because they improve no trial or have no single value."""


@dataclass(frozen=True)
class SearchSpace:
    """Settings that all trials share, and options that differ.

    Attributes:
        settings: The common settings, as for `priorkit train`.
        options: The options that differ, components first, because they determine which other options exist.
        registry: Where components come from.

    Examples:
        >>> from priorkit import installed_plugins
        >>> from priorkit.sweeps import SearchSpace, parse_search
        >>> space = SearchSpace.checked({}, parse_search(["prior=learned,mixture,prior.noise-dim=8..16"]),
        ...                             installed_plugins())
        >>> space.config({"prior": "mixture"}).prior.name
        'mixture'
    """

    settings: Mapping[str, Any]
    options: tuple[SearchedOption, ...]
    registry: Registry

    @classmethod
    def checked(
        cls, settings: Mapping[str, Any], options: tuple[SearchedOption, ...], registry: Registry
    ) -> "SearchSpace":
        """Makes a space, after checking every value of every option.

        Raises:
            ConfigurationError: There is no such option, or it refuses a value.
            UnknownComponentError: There is no such component.
        """
        ordered = sorted(options, key=lambda option: option.name not in _SLOTS)
        # Named, so that the options of a component can be given without its name.
        defaults = {slot: {"name": RunConfig.model_fields[slot].default.name} for slot in _SLOTS}
        known = cls(merge_settings(defaults, settings), tuple(ordered), registry)
        known = replace(known, options=tuple(known._with_kind(option) for option in ordered))
        for option in known.options:
            known._check(option)
        return known

    def draw(self, suggest: Callable[[SearchedOption], str]) -> dict[str, str]:
        """Draws a point in the space: a value for each option that the drawn components have.

        Args:
            suggest: A function that draws the value of an option, as text.
        """
        values: dict[str, str] = {}
        for option in self.options:
            if self._described(option, values) is not None:
                values[option.name] = suggest(option)
        return values

    def config(self, values: Mapping[str, str]) -> RunConfig:
        """The resolved configuration of a point.

        Raises:
            ConfigurationError: An option refuses its value, or several values are incompatible.
        """
        settings = dict(self.settings)
        for option in self.options:
            if option.name in values:
                described = self._described(option, values)
                if described is not None:
                    settings = merge_settings(settings, _nested(option, described.value(values[option.name])))
        return resolve_config(validate_settings(settings), self.registry)

    def _chosen(self, slot: str, values: Mapping[str, str]) -> str:
        """The name of the component in a slot at a point."""
        if slot in values:
            return values[slot]
        return next(choice.name for kind, choice in choices_of(validate_settings(self.settings)) if kind.slot == slot)

    def _described(self, option: SearchedOption, values: Mapping[str, str]) -> FieldDescription | None:
        """The description of an option at a point; None if no component there has it."""
        slot, *rest = option.path
        if slot not in _SLOTS or not rest:
            return next((item for item in describe_fields(RunConfig) if item.path == option.path), None)
        component = self.registry.get(slot, self._chosen(slot, values)).component
        return next((item for item in describe_fields(component.options, (slot,)) if item.path == option.path), None)

    def _where(self, option: SearchedOption) -> dict[str, str]:
        """A point, given by component names alone, at which an option exists.

        Raises:
            ConfigurationError: There is no such point.
        """
        slot = option.path[0]
        searched = next((other for other in self.options if other.name == slot), None)
        points: list[dict[str, str]] = [{}]
        if searched is not None and option.name != slot:
            points = [{slot: name} for name in searched.choices]
        for point in points:
            if self._described(option, point) is not None:
                return point
        raise ConfigurationError(self._unknown(option, points))

    def _unknown(self, option: SearchedOption, points: list[dict[str, str]]) -> str:
        flag, slot = flag_for(option.path), option.path[0]
        if slot in _SLOTS and len(option.path) > 1:
            names = dict.fromkeys(self._chosen(slot, point) for point in points)
            mine = [
                ".".join(item.path)
                for name in names
                for item in describe_fields(self.registry.get(slot, name).component.options, (slot,))
            ]
            return (
                f"--search {option.name}: {slot.replace('_', ' ')} {' or '.join(names)} has no such option"
                f"{nearest(option.name, mine)} Its options: {', '.join(dict.fromkeys(mine)) or 'none'}."
            )
        known = [".".join(item.path) for item in describe_fields(RunConfig)]
        return f"--search {option.name}: a run has no option {flag}{nearest(option.name, known)}"

    def _with_kind(self, option: SearchedOption) -> SearchedOption:
        """Makes ranges of real-valued options real, even between whole ends."""
        if option.path[0] in _NOT_SEARCHED:
            raise ConfigurationError(f"--search {option.name}: it cannot be searched; give {flag_for(option.path)}")
        described = self._described(option, self._where(option))
        assert described is not None, "_where has found it"
        if option.choices:
            return option
        kind = described.type.split(" ")[0]
        if kind not in ("int", "float"):
            raise ConfigurationError(
                f"--search {option.name}: it takes {described.type}, which has no range; list values, as in "
                f"{option.name}=A,B"
            )
        if kind == "int" and not option.whole:
            low, high = option.ends
            raise ConfigurationError(f"--search {option.name}={low}..{high}: it takes whole numbers; write whole ends")
        return replace(option, whole=kind == "int")

    def _check(self, option: SearchedOption) -> None:
        """Tries every value, or both ends of a range, with the first values of the other options."""
        where = self._where(option)
        first = {**where, **{other.name: other.ends[0] for other in self.options if other.name not in where}}
        # Incompatible values of several options are found when they are drawn together.
        alone = {key: value for key, value in first.items() if key in _SLOTS}
        for value in option.ends:
            try:
                self.config({**alone, option.name: value})
            except ConfigurationError as error:
                raise type(error)(f"--search {option.name}={value}: {error}") from None


def _nested(option: SearchedOption, value: Any) -> dict[str, Any]:
    """An option as a table of settings; a component's name alone chooses it."""
    table, *rest = option.path
    if not rest:
        return {table: {"name": value}} if table in _SLOTS or table == "lr_schedule" else {table: value}
    return {table: {rest[0]: value}}
