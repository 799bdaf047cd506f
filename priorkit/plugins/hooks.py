"""The hooks that a plug-in may implement, and the kinds of component that they supply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from priorkit.deprecation import Deprecated
from priorkit.plugins.component import Component, Recipe

if TYPE_CHECKING:
    from priorkit.interfaces import (
        AdversarialLoss,
        CodeGenerator,
        Condition,
        DataSource,
        Encoder,
        FeatureExtractor,
        Networks,
        Phase,
        Prior,
        ReconstructionLoss,
        Regularizer,
        TextEncoder,
    )

__all__ = [
    "GROUP",
    "KINDS",
    "RENAMED_HOOKS",
    "Hooks",
    "Kind",
    "PluginWarning",
    "hookimpl",
    "hookspec",
    "kind_named",
    "supplied",
]

GROUP = "priorkit"
"""The entry-point group of plug-ins, and the project name of their hooks."""

RENAMED_HOOKS: Mapping[str, Deprecated] = MappingProxyType({})
"""Former names of hooks, which are still called until the version in which they go."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a plug-in's implementation of a hook."""


class PluginWarning(UserWarning):
    """A plug-in could not be loaded, two plug-ins use the same name, or a plug-in warns its users."""


@dataclass(frozen=True)
class Kind:
    """A kind of component.

    Attributes:
        slot: The configuration key that chooses a component of this kind; with hyphens, the command line's flag.
        hook: The hook that supplies components of this kind.
        title: The name of this kind in a sentence.
        several: Whether a run has an ordered list of them.

    Examples:
        >>> from priorkit.plugins import kind_named
        >>> kind_named("code_generator").flag
        '--code-generator'
    """

    slot: str
    hook: str
    title: str
    several: bool = False

    @property
    def flag(self) -> str:
        """The command line's flag: `--code-generator`."""
        return "--" + self.slot.replace("_", "-")


KINDS = (
    Kind("prior", "priorkit_priors", "prior"),
    Kind("code_generator", "priorkit_code_generators", "code generator"),
    Kind("condition", "priorkit_conditions", "condition"),
    Kind("text_encoder", "priorkit_text_encoders", "text encoder"),
    Kind("encoder", "priorkit_encoders", "encoder"),
    Kind("regularizer", "priorkit_regularizers", "regularizer"),
    Kind("loss", "priorkit_losses", "reconstruction loss"),
    Kind("adversarial_loss", "priorkit_adversarial_losses", "adversarial loss"),
    Kind("phases", "priorkit_phases", "phase", several=True),
    Kind("networks", "priorkit_networks", "networks"),
    Kind("dataset", "priorkit_datasets", "data set"),
    Kind("extractor", "priorkit_extractors", "feature extractor"),
)


def kind_named(slot: str) -> Kind:
    """Returns the kind with this slot.

    Raises:
        KeyError: No kind has this slot.

    Examples:
        >>> from priorkit.plugins import kind_named
        >>> kind_named("loss").title, kind_named("loss").hook
        ('reconstruction loss', 'priorkit_losses')
    """
    return {kind.slot: kind for kind in KINDS}[slot]


class Hooks:
    """The hook specifications: each returns the records of one kind."""

    @hookspec
    def priorkit_priors(self) -> Iterable[Component[Prior]]:
        """Priors; `build(options, PriorContext)` returns a `Prior`."""
        raise AssertionError

    @hookspec
    def priorkit_code_generators(self) -> Iterable[Component[CodeGenerator]]:
        """Code generators; `build(options, CodeGeneratorContext)` returns a `CodeGenerator`."""
        raise AssertionError

    @hookspec
    def priorkit_conditions(self) -> Iterable[Component[Condition | None]]:
        """Conditions; `build(options, ConditionContext)` returns a `Condition`, or None for none."""
        raise AssertionError

    @hookspec
    def priorkit_text_encoders(self) -> Iterable[Component[TextEncoder]]:
        """Text encoders; `build(options, TextEncoderContext)` returns a `TextEncoder`."""
        raise AssertionError

    @hookspec
    def priorkit_encoders(self) -> Iterable[Component[Encoder | None]]:
        """Encoders; `build(options, EncoderContext)` returns an `Encoder`, or None for a system without one (a GAN)."""
        raise AssertionError

    @hookspec
    def priorkit_regularizers(self) -> Iterable[Component[Regularizer]]:
        """Regularizers; `build(options, RegularizerContext)` returns a `Regularizer`."""
        raise AssertionError

    @hookspec
    def priorkit_losses(self) -> Iterable[Component[ReconstructionLoss | None]]:
        """Reconstruction losses; `build(options, LossContext)` returns a `ReconstructionLoss`, or None for none."""
        raise AssertionError

    @hookspec
    def priorkit_adversarial_losses(self) -> Iterable[Component[AdversarialLoss]]:
        """Adversarial losses; `build(options, AdversarialLossContext)` returns an `AdversarialLoss`."""
        raise AssertionError

    @hookspec
    def priorkit_phases(self) -> Iterable[Component[Phase | Sequence[Phase]]]:
        """Phases; `build(options, PhaseContext)` returns a `Phase`, or a list of phases, which may be empty."""
        raise AssertionError

    @hookspec
    def priorkit_networks(self) -> Iterable[Component[Networks]]:
        """Families of networks; `build(options, NetworksContext)` returns a `Networks`."""
        raise AssertionError

    @hookspec
    def priorkit_datasets(self) -> Iterable[Component[DataSource]]:
        """Data sets; `build(options, DataContext)` returns a `DataSource`."""
        raise AssertionError

    @hookspec
    def priorkit_extractors(self) -> Iterable[Component[FeatureExtractor]]:
        """Feature extractors of scores; `build(options, ExtractorContext)` returns a `FeatureExtractor`."""
        raise AssertionError

    @hookspec
    def priorkit_recipes(self) -> Iterable[Recipe]:
        """Named configurations."""
        raise AssertionError


def supplied(implementation: Any, hook: str) -> list[Any]:
    """What a hook implementation returned, as a list (None counts as nothing).

    Raises:
        TypeError: It is a single record, or anything else that is not iterable.
    """
    if implementation is None:
        return []
    if not isinstance(implementation, Iterable):
        kind = "Recipe" if hook == "priorkit_recipes" else "Component"
        given = f"one {kind}" if isinstance(implementation, Component | Recipe) else repr(implementation)
        raise TypeError(f"{hook}() gave {given}, not a list: return a list of them, [{kind}(...)]")
    return list(implementation)
