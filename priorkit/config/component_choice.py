"""The choice of a component in a configuration: a name, and the options that differ from the defaults."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

__all__ = ["ComponentChoice", "comma_separated", "listed_choices"]


class ComponentChoice(BaseModel):
    """A component's name, with the options that differ from the defaults.

    Written as a name, or as a table with the key `name` and the options as further keys.

    Examples:
        >>> from priorkit.config import ComponentChoice
        >>> ComponentChoice.model_validate({"name": "learned", "noise_dim": 32}).options
        {'noise_dim': 32}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _split_table(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, ComponentChoice):
            return value
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            raise ValueError("expected a name, or a table with the key `name`")
        if set(value) == {"name", "options"}:
            return value
        return {"name": value["name"], "options": {key: item for key, item in value.items() if key != "name"}}

    @model_serializer
    def _join_table(self) -> dict[str, Any]:
        return {"name": self.name, **self.options}


def comma_separated(value: Any) -> Any:
    """Splits a string at its commas into a list; returns any other value unchanged."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def listed_choices(value: object) -> object:
    """Normalises the value of a list of components: names separated by commas, or a list of names and tables.

    Raises:
        ValueError: It is neither of these, it is empty, or it names a component twice.
    """
    value = comma_separated(value)
    if not isinstance(value, list | tuple):
        raise ValueError("expected a list of names, or of tables with the key `name`")
    names = [ComponentChoice.model_validate(item).name for item in value]
    if not names:
        raise ValueError("expected at least one name")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"names {name!r} twice")
    return tuple(value)
