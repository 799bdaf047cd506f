"""What a plug-in supplies: components, their options and recipes made of them."""

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
    """Whether a component or a recipe may be called so: lower-case words of letters and digits, joined by hyphens."""
    return _NAME.fullmatch(name) is not None


class Options(BaseModel):
    """Base class of every component's options.

    Each field becomes a flag of the command line (`--prior.noise-dim 64`) and a key of the configuration file. Give
    each a default, so that the component can be chosen by its name alone (a field without one is refused), and a
    description: `noise_dim: int = Field(64, ge=1, description="dimensions of the noise z")`. Lists
    (`sizes: tuple[int, ...]`) are given as `1,2,3`. A field that may be None must default to None, for which users
    type `none`: a configuration file, which has no null, leaves it out. Infinite values and NaN are refused; a field
    that means something by them says `allow_inf_nan=True`. No field may be called `name` or `options`, which have a
    meaning in the configuration file.

    Attributes:
        renamed_options: Former names of options. Each is taken, with a warning, until the version in which it goes:
            `{"hidden": Deprecated("hidden_width", since="0.3", gone="0.5", distribution="priorkit-mine")}`.
        moved_options: Options that an earlier version had, by name, and the flag that takes the place of each; errors
            name it.

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
    """One thing that a plug-in supplies, chosen by name.

    Attributes:
        name: What users type: lower-case words joined by hyphens.
        options: The class of its options.
        build: Called as `build(options, context)`; makes the component. Import torch inside it, not above it, so that
            listing the components stays fast.
        summary: One line for `priorkit components`.
        source: Where it comes from: a paper, an equation, a table.

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
    """A phase that says, before it is built, what a system needs for it; others are a plain `Component`.

    Attributes:
        improves_prior: Whether it trains the prior to fool an image discriminator. A system whose prior learns
            adversarially, or asks for improvement, then has one (`System.image_critic`), which the phase trains too.

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
        name: What users type.
        settings: The same keys and tables as in a configuration file; what it leaves out keeps its default.
        summary: One line for `priorkit components`.
        source: Where it comes from.

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
