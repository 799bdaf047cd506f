"""A component that is to be checked, and the situations in which it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeSpace, Encoder, ImageShape, Prior
from priorkit.plugins import KINDS, Component, Options, kind_named, nearest
from priorkit.registry import installed_plugins

__all__ = ["Case", "Checkable", "Situations"]

Checkable = str | Component[Any] | Callable[[Any], Any]
"""What can be checked: the name of an installed component, a `Component`, or a function from the kind's context."""


@dataclass(frozen=True)
class Situations:
    """What a component is tried with; each kind uses what concerns it.

    A component may refuse to be built in some of them, by an error of the `ValueError` family that says why, but not in
    all of them.

    Attributes:
        code_dims: Dimensions of a code. Densities are integrated where there are one or two.
        codes: Spaces of codes that are no vectors: encoders are tried with the maps among them, and priors with those
            of their kinds. The probabilities of indices are added up where there are at most 4096 codes.
        classes: Numbers of classes that conditions have; 0 stands for no condition.
        shapes: Shapes of images.
        data_dir: Where a data set finds its files.
        priors: Priors that a regularizer is tried with, before the kit's own: functions from the dimensions of a code
            to a prior. A regularizer that is made for one prior needs that.
        encoder: The encoder that a prior is built with, in place of the kit's own: a function from the dimensions of a
            code to an encoder of 16x16 grey images. A prior that is made for one encoder needs that.
        examples: How many pairs of a batch size and a seed are tried, and in proportion how many options.

    Examples:
        >>> from priorkit.testing import Situations
        >>> Situations(code_dims=(8,)).classes
        (0, 3)
    """

    code_dims: tuple[int, ...] = (2, 1, 5)
    codes: tuple[CodeSpace, ...] = (CodeSpace((2, 2, 2)), CodeSpace((2, 2), entries=3))
    classes: tuple[int, ...] = (0, 3)
    shapes: tuple[ImageShape, ...] = (ImageShape(1, 16), ImageShape(3, 32))
    data_dir: Path | None = None
    priors: tuple[Callable[[int], Prior], ...] = ()
    encoder: Callable[[int], Encoder] | None = None
    examples: int = 5


@dataclass(frozen=True)
class Case:
    """A component with options, to be held to its interface's contract.

    Attributes:
        slot: Its kind, as a key of configurations: `prior`, `code_generator`, `loss`, ...
        subject: The name of an installed component, a `Component`, or a function from the kind's context
            (`PriorContext`, ...) to what such a component builds.
        options: Options of a named or given `Component`; what is left out has its default.
        expected_failures: Checks that it is known to fail, and why. One that passes after all is a failure.
        required: Checks that may not be skipped, beyond those that never may: `densities_normalise`, say, of a prior
            that is meant to have one.
        situations: What it is tried with.
        seed: Seed of all that is random in the checks.

    Raises:
        ConfigurationError: There is no such kind, or a function was given options.

    Examples:
        >>> from priorkit.testing import Case
        >>> Case("prior", "gaussian", {"std": 2.0}).title
        "prior 'gaussian[std=2.0]'"
    """

    slot: str
    subject: Checkable
    options: Mapping[str, Any] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] | set[str] | tuple[str, ...] = ()
    situations: Situations = field(default_factory=Situations)
    seed: int = 0

    def __post_init__(self) -> None:
        slots = [kind.slot for kind in KINDS]
        if self.slot not in slots:
            raise ConfigurationError(f"no kind {self.slot!r}{nearest(self.slot, slots)} Kinds: {', '.join(slots)}.")
        if self.options and not isinstance(self.subject, str | Component):
            raise ConfigurationError(
                f"options {dict(self.options)} were given for a function: give them to what it builds, or give the "
                "component itself or its name"
            )

    def __str__(self) -> str:
        subject = self.subject
        name = (
            subject if isinstance(subject, str) else getattr(subject, "name", getattr(subject, "__name__", "function"))
        )
        settings = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{name}[{settings}]" if settings else str(name)

    @property
    def title(self) -> str:
        """Its kind and name, for sentences."""
        return f"{kind_named(self.slot).title} {str(self)!r}"

    @property
    def module(self) -> str:
        """The module that what is checked comes from."""
        component = self.component
        build = self.subject if component is None else component.build
        return str(getattr(getattr(build, "func", build), "__module__", ""))

    @property
    def package(self) -> str:
        """The top-level module of what is checked, whose lines are to blame for an error."""
        return self.module.partition(".")[0]

    @property
    def component(self) -> Component[Any] | None:
        """The component's record; None for a function.

        Raises:
            UnknownComponentError: No installed plug-in supplies a component of that name.
        """
        if isinstance(self.subject, str):
            return installed_plugins().get(self.slot, self.subject).component
        return self.subject if isinstance(self.subject, Component) else None

    def build(self, context: Any, options: Options | None = None) -> Any:
        """Builds it, as a run would.

        Args:
            context: What it is told.
            options: Other options than the case's.
        """
        component = self.component
        if component is None:
            assert not isinstance(self.subject, str | Component)
            return self.subject(context)
        return component.build(component.options(**self.options) if options is None else options, context)
