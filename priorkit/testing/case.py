"""A component to check, and the situations in which it is checked."""

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
"""A component to check: the name of an installed component, a `Component`, or a function of the kind's context."""


@dataclass(frozen=True)
class Situations:
    """The situations in which a component is checked; each kind uses the attributes that concern it.

    A component may refuse to be built in some situations, with a `ValueError` that says why, but not in all of them.

    Attributes:
        code_dims: Dimensions of a code. Densities are integrated in one and two dimensions.
        codes: Spaces of codes other than vectors. Encoders are checked with the maps among them, and priors with the
            kinds that they support. The probabilities of indices are added up if there are at most 4096 codes.
        classes: Numbers of classes of conditions; 0 for no condition.
        shapes: Shapes of images.
        data_dir: The folder or file that a data set reads.
        priors: Priors for a regularizer, tried before the kit's own: functions from the dimensions of a code to a
            prior. A regularizer that works with one prior alone needs this.
        encoder: The encoder for a prior, instead of the kit's own: a function from the dimensions of a code to an
            encoder of 16x16 grey images. A prior that works with one encoder alone needs this.
        examples: Number of pairs of a batch size and a seed; the number of drawn options is proportional to it.

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
    """A component with options, to be checked against its interface's contract.

    Attributes:
        slot: The kind of the component, as a key of configurations: `prior`, `code_generator`, `loss`, ...
        subject: The name of an installed component, a `Component`, or a function that builds the object from the
            kind's context (`PriorContext`, ...).
        options: Options of a named or given `Component`; options that are left out have their defaults.
        expected_failures: Checks that the component is known to fail, and why. It is a failure if such a check passes.
        required: Checks that must not be skipped, in addition to those that never may be: for example,
            `densities_normalise` for a prior that should have a density.
        situations: The situations in which the component is checked.
        seed: Seed of everything random in the checks.

    Raises:
        ConfigurationError: There is no such kind, or options were given for a function.

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
                f"options {dict(self.options)} were given for a function: use them inside the function, or give a "
                "Component or the name of an installed component instead"
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
        """The kind and name of the component, for messages."""
        return f"{kind_named(self.slot).title} {str(self)!r}"

    @property
    def module(self) -> str:
        """The module of the component's `build` function, or of the given function."""
        component = self.component
        build = self.subject if component is None else component.build
        return str(getattr(getattr(build, "func", build), "__module__", ""))

    @property
    def package(self) -> str:
        """The top-level package of the component, in which the line of an error is looked for."""
        return self.module.partition(".")[0]

    @property
    def component(self) -> Component[Any] | None:
        """The `Component`; None for a function.

        Raises:
            UnknownComponentError: No installed plug-in supplies a component of that name.
        """
        if isinstance(self.subject, str):
            return installed_plugins().get(self.slot, self.subject).component
        return self.subject if isinstance(self.subject, Component) else None

    def build(self, context: Any, options: Options | None = None) -> Any:
        """Builds the component, as a run would.

        Args:
            context: The context of its kind.
            options: Options to use instead of the case's.
        """
        component = self.component
        if component is None:
            assert not isinstance(self.subject, str | Component)
            return self.subject(context)
        return component.build(component.options(**self.options) if options is None else options, context)
