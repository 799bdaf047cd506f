"""The phases that components bring into training: asked for, checked, and blamed on their plug-ins where they fail."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError, PluginError, PriorkitError
from priorkit.interfaces import Move, Noise, OptimizerSettings, Phase, System
from priorkit.plugins import BUILTIN, Registered, Registry
from priorkit.plugins.guard import guarded, refusal_in_words

__all__ = ["CORE_PHASES", "SYSTEM_NETWORKS", "BroughtPhase", "GuardedPhase", "brought_phases", "mistake_in_phase"]

SYSTEM_NETWORKS = ("encoder", "decoder", "prior", "code_critic", "image_critic", "recogniser")
"""The networks of a system that phases train, by the names that moves use."""

CORE_PHASES = ("autoencoder", "code_matching", "image_critic", "prior_improvement")
"""Names of the core's own phases."""

_BRINGERS = ("encoder", "condition", "prior", "regularizer")
_OTHER_MODULES = ("condition", "loss", "adversarial_loss", "average", "use")
"""Other names under which checkpoints keep tensors."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")


@dataclass(frozen=True)
class BroughtPhase:
    """A phase and the component that brings it.

    Attributes:
        phase: The phase.
        registered: The component.
        given: How it was chosen: `--prior energy`.
    """

    phase: Phase
    registered: Registered
    given: str


def brought_phases(system: System, config: RunConfig, registry: Registry) -> tuple[BroughtPhase, ...]:
    """Asks the components of a system for their phases.

    Raises:
        ConfigurationError: A component refuses the system, or a phase breaks its contract.
        PluginError: A third party's plug-in fails.
    """
    brought: list[BroughtPhase] = []
    for slot in _BRINGERS:
        component = getattr(system, slot)
        if component is None:
            continue
        name = getattr(config, slot).name
        registered, given = registry.get(slot, name), f"--{slot} {name}"
        try:
            with guarded(registered, given):
                phases = list(component.phases(system))
        except PriorkitError:
            raise
        except ValueError as error:
            raise ConfigurationError(f"{given}: {refusal_in_words(registered, error)}") from error
        for phase in phases:
            wrong = mistake_in_phase(phase, system, [item.phase for item in brought])
            if wrong:
                raise ConfigurationError(f"{given}: {wrong}; this is a mistake in the plug-in")
            brought.append(BroughtPhase(phase, registered, given))
    return tuple(brought)


def mistake_in_phase(phase: object, system: System, others: Iterable[Phase]) -> str:
    """What is wrong with a phase, beside those that were brought before it; empty if nothing is."""
    if not isinstance(phase, Phase):
        return f"phases() gave {phase!r}, not a Phase"
    name = getattr(phase, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"it brings a phase named {name!r}; a name is lower-case letters, digits and underscores"
    for attribute in ("players", "networks", "optimizers"):
        if not isinstance(getattr(phase, attribute, None), Mapping):
            return f"its phase {name!r} has {attribute} that are no mapping from names"
    subject = f"its phase {phase.name!r}"
    if phase.name in CORE_PHASES or any(phase.name == other.name for other in others):
        return f"{subject} has the name of another phase; give it one of its own"
    if not isinstance(phase.every, int) or phase.every < 1:
        return f"{subject} says every = {phase.every!r}, which must be a whole number of steps, at least 1"
    taken = {*SYSTEM_NETWORKS, *_OTHER_MODULES, *(name for other in others for name in other.networks)}
    wrong = _mistake_in_networks(phase, taken) or _mistake_in_players(phase, system)
    if not wrong:
        wrong = _mistake_in_optimizers(phase.optimizers, _trained_by(phase), others)
    return f"{subject} {wrong}" if wrong else ""


def _mistake_in_networks(phase: Phase, taken: set[str]) -> str:
    for name, network in phase.networks.items():
        if not _NAME.fullmatch(name):
            return f"names a network {name!r}; a name is lower-case letters, digits and underscores"
        if name in taken:
            return f"names its network {name!r}, which is the name of another module; give it one of its own"
        if not isinstance(network, nn.Module) or not _learns(network):
            return f"has a network {name!r} without parameters to train"
        if name not in _trained_by(phase):
            return f"has a network {name!r} that none of its players trains"
    return ""


def _mistake_in_players(phase: Phase, system: System) -> str:
    if not phase.players:
        return "has no players"
    modules = {name: getattr(system, "regularizer" if name == "code_critic" else name) for name in SYSTEM_NETWORKS}
    known = {name: network for name, network in modules.items() if network is not None and _learns(network)}
    known.update(phase.networks)
    for player, names in phase.players.items():
        if isinstance(names, str) or not names:
            return f"must give the player {player!r} a tuple of names of networks, not {names!r}"
        for name in names:
            if name not in known:
                return (
                    f"has a player {player!r} that trains {name!r}; what can be trained in this system is "
                    f"{', '.join(known)}"
                )
    return ""


def _mistake_in_optimizers(
    optimizers: Mapping[str, OptimizerSettings], trained: set[str], others: Iterable[Phase]
) -> str:
    for name, settings in optimizers.items():
        if name not in trained:
            return f"has optimiser settings for {name!r}, which it does not train"
        if not isinstance(settings, OptimizerSettings):
            return f"has optimiser settings for {name!r} that are no OptimizerSettings"
        if any(name in other.optimizers for other in others):
            return f"has optimiser settings for {name!r}, and so has another phase"
        if settings.optimizer not in (None, *_OPTIMIZERS):
            return f"asks for the optimiser {settings.optimizer!r} for {name!r}; there are {', '.join(_OPTIMIZERS)}"
        bounds = {
            "learning_rate": settings.learning_rate is None or settings.learning_rate > 0,
            "beta1": settings.beta1 is None or 0 <= settings.beta1 < 1,
            "beta2": settings.beta2 is None or 0 <= settings.beta2 < 1,
            "weight_decay": settings.weight_decay is None or settings.weight_decay >= 0,
        }
        for key, within in bounds.items():
            if not within:
                return (
                    f"has optimiser settings for {name!r} with {key} = {getattr(settings, key)}, which is out of range"
                )
    return ""


def _trained_by(phase: Phase) -> set[str]:
    return {name for names in phase.players.values() for name in names}


def _learns(network: nn.Module) -> bool:
    return any(weight.requires_grad for weight in network.parameters())


class GuardedPhase(Phase):
    """A phase of a component, whose failures name its plug-in.

    Args:
        brought: The phase and its component.
    """

    def __init__(self, brought: BroughtPhase) -> None:
        self.inner = phase = brought.phase
        self.name, self.players, self.every, self.place = phase.name, phase.players, phase.every, phase.place
        self.networks, self.optimizers = phase.networks, phase.optimizers
        self._registered = brought.registered
        self._given = f"{brought.given}, in its phase {phase.name!r}"

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """The phase's own noise.

        Raises:
            PluginError: The phase of a third party fails.
        """
        with self._failures_named():
            noise = self.inner.noise(n, generator, device)
        if not isinstance(noise, Mapping):
            raise self._mistake(f"gave {noise!r} as its noise, not a mapping from names to tensors")
        for name, tensor in noise.items():
            if not isinstance(tensor, Tensor) or tensor.ndim == 0 or len(tensor) != n:
                raise self._mistake(f"gave the noise {name!r} a first dimension other than the batch's {n}")
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The phase's own moves.

        Raises:
            PluginError: The phase of a third party fails, or yields a move that cannot be trained.
        """
        with self._failures_named():
            moves = iter(self.inner.moves(images, noise))
        while True:
            with self._failures_named():
                move = next(moves, None)
            if move is None:
                return
            self._check(move)
            yield move

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        """Names the plug-in and the phase in whatever fails inside; there is no user to refuse any more."""
        try:
            with guarded(self._registered, self._given):
                yield
        except PriorkitError:
            raise
        except ValueError as error:
            if self._registered.distribution == BUILTIN:
                raise
            raise self._mistake(f"failed: {refusal_in_words(self._registered, error)}") from error

    def _check(self, move: Move) -> None:
        if not isinstance(move, Move):
            raise self._mistake(f"yielded a {type(move).__name__}, not a Move")
        if move.player not in self.players:
            raise self._mistake(f"yielded a move of {move.player!r}; its players are {', '.join(self.players)}")
        if not move.terms:
            raise self._mistake(f"yielded a move of {move.player!r} without loss terms")
        for name, term in move.terms.items():
            if not isinstance(term, Tensor) or term.ndim or not term.requires_grad:
                raise self._mistake(
                    f"yielded a loss term {name!r} that is no scalar tensor that depends on the networks of the player "
                    f"{move.player!r}"
                )

    def _mistake(self, what: str) -> PluginError:
        owner = f"{self._registered.distribution} {self._registered.version}"
        return PluginError(f"{self._given}: its plug-in ({owner}) {what}; this is a mistake in the plug-in")
