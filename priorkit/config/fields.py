"""Describes the fields of configuration classes: their flags, types, defaults and bounds in words."""

import types
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from priorkit.config.component_choice import ComponentChoice
from priorkit.config.run_config import Duration
from priorkit.config.stages import Stage
from priorkit.plugins.wording import in_one_line

__all__ = ["FieldDescription", "describe_fields", "describe_former_fields", "flag_for", "is_switch", "value_in_words"]

_LONGEST = 500
"""Maximal number of characters shown of a description or a default."""
_WORDS = {
    int: "int",
    float: "float",
    str: "text",
    bool: "yes/no",
    Path: "path",
    ComponentChoice: "names",
    Stage: "stages",
}


@dataclass(frozen=True)
class FieldDescription:
    """One option of a component or of the run.

    Attributes:
        path: Keys from the root of the configuration: `("prior", "noise_dim")`.
        type: The type of its values, in words.
        default: The default as users would write it, or `required`.
        description: One line.
        switch: Whether this is a yes/no option, given without a value.
        optional: Whether `none` is accepted, for no value.
        listed: Whether the option takes several values, as `1,2,3`.
        former: True if this is a former name of the option.

    Examples:
        >>> from priorkit.config import RunConfig, describe_fields
        >>> [field] = [field for field in describe_fields(RunConfig) if field.path == ("code_dim",)]
        >>> field.flag, field.default
        ('--code-dim', '64')
    """

    path: tuple[str, ...]
    type: str
    default: str
    description: str
    switch: bool
    optional: bool = False
    listed: bool = False
    former: bool = False

    @property
    def flag(self) -> str:
        """The command line's flag."""
        return flag_for(self.path)

    def value(self, text: str) -> Any:
        """Parses text from the command line; the result still needs validation."""
        if self.optional and text == "none":
            return None
        if self.listed:
            return [part.strip() for part in text.split(",")] if text.strip() else []
        return text


def flag_for(path: tuple[str, ...]) -> str:
    """The flag of a setting: `("prior", "noise_dim")` becomes `--prior.noise-dim`.

    Examples:
        >>> from priorkit.config import flag_for
        >>> flag_for(("prior", "noise_dim"))
        '--prior.noise-dim'
    """
    return "--" + ".".join(path).replace("_", "-")


def _type_in_words(annotation: Any) -> str:
    """A type in users' words; handles whatever annotations a plug-in has."""
    try:
        return in_one_line(_words_of_type(annotation))
    except Exception:
        return "value"


def _words_of_type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if annotation == Duration:
        return "time"
    if origin is Annotated:
        return _type_in_words(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        words = [_type_in_words(part) for part in get_args(annotation) if part is not type(None)]
        return " or ".join(words) + (" or none" if type(None) in get_args(annotation) else "")
    if origin is Literal:
        return "|".join(str(item) for item in get_args(annotation))
    if origin in (tuple, list):
        parts = get_args(annotation)
        return "list of " + _type_in_words(parts[0]) if parts else "list"
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _bounds(info: FieldInfo) -> str:
    symbols = {annotated_types.Ge: ">=", annotated_types.Gt: ">", annotated_types.Le: "<=", annotated_types.Lt: "<"}
    parts = []
    for item in info.metadata:
        for kind, symbol in symbols.items():
            if isinstance(item, kind):
                parts.append(f"{symbol} {getattr(item, kind.__name__.lower())}")
    return ", ".join(parts)


def _default_in_words(info: FieldInfo) -> str:
    try:
        value = info.get_default(call_default_factory=True, validated_data={})
    except Exception:
        # A factory may compute it from other fields.
        return "computed"
    if value is PydanticUndefined:
        return "required"
    return value_in_words(value)


def value_in_words(value: Any) -> str:
    """A value as users would write it after its flag.

    Examples:
        >>> from priorkit.config import value_in_words
        >>> value_in_words(True), value_in_words(None), value_in_words((16, 32))
        ('yes', 'none', '16,32')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, ComponentChoice):
        return value.name
    if isinstance(value, list | tuple):
        return ",".join(value_in_words(item) for item in value)
    try:
        return "none" if value is None else in_one_line(str(value), _LONGEST)
    except Exception:
        return type(value).__name__


def _alternatives(annotation: Any) -> list[Any]:
    """The members of a union, nested unions included; for any other annotation, just itself."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [item for part in get_args(annotation) for item in _alternatives(part)]
    return [annotation]


def is_switch(annotation: Any) -> bool:
    """Whether a field of this type is a yes/no option."""
    return annotation is bool


def describe_fields(
    model: type[BaseModel], prefix: tuple[str, ...] = (), _within: tuple[type[BaseModel], ...] = ()
) -> list[FieldDescription]:
    """Describes every field of a configuration class and of its nested classes.

    A nested class's field `name` has the flag of the class itself, as in `--lr-schedule cosine`.

    Args:
        model: A pydantic class.
        prefix: Keys that lead to this class.

    Examples:
        >>> from priorkit.config import describe_fields
        >>> from priorkit.plugins import Options
        >>> from pydantic import Field
        >>> class LaplaceOptions(Options):
        ...     scale: float = Field(1.0, gt=0, description="scale of the distribution")
        >>> [(field.flag, field.type) for field in describe_fields(LaplaceOptions, ("prior",))]
        [('--prior.scale', 'float > 0')]
    """
    described: list[FieldDescription] = []
    for name, info in model.model_fields.items():
        annotation = info.annotation
        nested = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        # A class that contains itself would recurse without end.
        if nested and annotation is not ComponentChoice and annotation not in (model, *_within):
            described += describe_fields(annotation, (*prefix, name), (model, *_within))  # type: ignore[arg-type]
            continue
        kind = "name" if annotation is ComponentChoice else _type_in_words(annotation)
        if bounds := _bounds(info):
            bounded, none, _ = kind.partition(" or none")
            kind = f"{bounded} {bounds}{none}"
        parts = _alternatives(annotation)
        described.append(
            FieldDescription(
                path=prefix if _within and name == "name" else (*prefix, name),
                type=kind,
                default=_default_in_words(info),
                description=in_one_line(str(info.description or ""), _LONGEST),
                switch=is_switch(annotation),
                # If "none" is one of the choices, it means this choice.
                optional=type(None) in parts and not any("none" in get_args(part) for part in parts),
                listed=str not in parts and any(get_origin(part) in (tuple, list) for part in parts),
            )
        )
    return described


def describe_former_fields(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> list[FieldDescription]:
    """Describes fields by their former names, which are still accepted (`renamed_options`).

    Args:
        model: `RunConfig`, or a component's class of options.
        prefix: Keys that lead to this class.

    Examples:
        >>> from typing import ClassVar
        >>> from priorkit.config import describe_former_fields
        >>> from priorkit.plugins import Deprecated, Options
        >>> class LaplaceOptions(Options):
        ...     renamed_options: ClassVar = {"width": Deprecated("scale", since="0.1", gone="9.0")}
        ...     scale: float = 1.0
        >>> [(field.flag, field.former) for field in describe_former_fields(LaplaceOptions, ("prior",))]
        [('--prior.width', True)]
    """
    renamed = getattr(model, "renamed_options", {})
    current = {item.path: item for item in describe_fields(model, prefix)} if renamed else {}
    return [
        replace(current[*prefix, deprecated.instead], path=(*prefix, name), former=True)
        for name, deprecated in renamed.items()
    ]
