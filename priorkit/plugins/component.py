"""Records of what a plug-in supplies: components, their options, and recipes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

from priorkit.deprecation import Deprecated, with_current_names

__all__ = ["Component", "Options", "PhaseComponent", "Recipe", "is_component_name"]

Built_co = TypeVar("Built_co", covariant=True)

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def is_component_name(name: str) -> bool:
    """Whether a component or recipe may have this name: lower-case words of letters and digits, joined by hyphens.

    Examples:
        >>> from priorkit.plugins import is_component_name
        >>> is_component_name("student-t"), is_component_name("Student_T")
        (True, False)
    """
    return _NAME.fullmatch(name) is not None


class Options(BaseModel):
    """Base class of every component's options.

    Each field becomes a flag of the command line (`--prior.noise-dim 64`) and a key of the configuration file. Each
    field needs a default, so that the component can be chosen by its name alone, and a description: `noise_dim: int =
    Field(64, ge=1, description="dimensions of the noise z")`. Lists (`sizes: tuple[int, ...]`) are given as `1,2,3`. A
    field that may be None must default to None: users type `none` on the command line, and leave the key out of a
    configuration file, as TOML has no null. Infinite values and NaN are refused unless the field has
    `allow_inf_nan=True`. No field may be called `name` or `options`: these keys have a meaning in the configuration
    file.

    Attributes:
        renamed_options: Former names of options. Each is accepted, with a warning, until the version that removes it:
            `{"hidden": Deprecated("hidden_width", since="0.3", gone="0.5", distribution="priorkit-mine")}`.
        moved_options: Removed options by name, and the flag that replaces each; error messages suggest this flag.

    Examples:
        >>> from pydantic import Field
        >>> from priorkit.plugins import Options
        >>> class LaplaceOptions(Options):
        ...     scale: float = Field(1.0, gt=0, description="scale of the distribution")
        >>> LaplaceOptions(scale=2)
        LaplaceOptions(scale=2.0)
    """

    renamed_options: ClassVar[Mapping[str, Deprecated]] = MappingProxyType({})
    moved_options: ClassVar[Mapping[str, str]] = MappingProxyType({})

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _by_current_names(cls, values: Any) -> Any:
        return with_current_names(values, cls.renamed_options) if isinstance(values, Mapping) else values


@dataclass(frozen=True)
class Component(Generic[Built_co]):
    """One component that a plug-in supplies, chosen by name.

    Attributes:
        name: The name that users type: lower-case words joined by hyphens.
        options: The class of its options.
        build: Called as `build(options, context)`; makes the component. Import torch inside this function, not at the
            top of the module, so that listing components stays fast.
        summary: One line for `priorkit components`.
        source: The origin of the component: a paper, an equation, a table.

    Examples:
        >>> from priorkit.plugins import Component, Options
        >>> def build(options, context):
        ...     from torch import nn
        ...
        ...     return nn.Identity()
        >>> component = Component("identity", Options, build, summary="codes as they are", source="nobody")
        >>> component.build(component.options(), None)
        Identity()
    """

    name: str
    options: type[Options]
    build: Callable[[Any, Any], Built_co]
    summary: str
    source: str


@dataclass(frozen=True)
class PhaseComponent(Component[Built_co]):
    """A phase that declares, before it is built, what it needs of the system; other phases use `Component`.

    Attributes:
        improves_prior: Whether the phase trains the prior against an image discriminator. If so, a system whose prior
            learns adversarially or asks for improvement has an image discriminator (`System.image_critic`), which the
            phase trains too.

    Examples:
        >>> from priorkit.registry import installed_plugins
        >>> installed_plugins().get("phases", "prior-improvement").component.improves_prior
        True
    """

    improves_prior: bool = False


@dataclass(frozen=True)
class Recipe:
    """A named configuration: `priorkit train NAME`.

    Attributes:
        name: The name that users type.
        settings: The same keys and tables as in a configuration file; other settings keep their defaults.
        summary: One line for `priorkit components`.
        source: The origin of the recipe: a paper, an equation, a table.

    Examples:
        >>> from priorkit.plugins import Recipe
        >>> settings = {"prior": {"name": "learned", "noise_dim": 32}, "code_dim": 16}
        >>> Recipe("small", summary="a small learned prior", source="nobody", settings=settings).settings["code_dim"]
        16
    """

    name: str
    summary: str
    source: str
    settings: Mapping[str, Any] = field(default_factory=dict)
