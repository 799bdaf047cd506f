"""Checks a phase's contract before it trains anything."""

import re
from collections.abc import Iterable, Mapping

from torch import nn

from priorkit.interfaces import Batch, OptimizerSettings, Phase, System

__all__ = ["SYSTEM_NETWORKS", "learns", "mistake_in_phase", "networks_of", "trained_by"]

SYSTEM_NETWORKS = ("encoder", "decoder", "prior", "regularizer", "image_critic", "recogniser")
"""The networks of a system that phases train, by the names that moves use."""

_OTHER_MODULES = ("condition", "loss", "adversarial_loss", "average", "use")
"""Other names under which checkpoints store tensors."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")


def mistake_in_phase(phase: object, system: System, others: Iterable[Phase]) -> str:
    """What is wrong with a phase, given the phases before it; empty if nothing is."""
    if not isinstance(phase, Phase):
        return f"phases() gave {phase!r}, not a Phase"
    name = getattr(phase, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"it adds a phase named {name!r}; a name is lower-case letters, digits and underscores"
    for attribute in ("players", "networks", "optimizers"):
        if not isinstance(getattr(phase, attribute, None), Mapping):
            return f"its phase {name!r} has {attribute} that are not a mapping from names"
    subject = f"its phase {phase.name!r}"
    if any(phase.name == other.name for other in others):
        return f"{subject} has the name of another phase; choose a unique name"
    if not isinstance(phase.every, int) or phase.every < 1:
        return f"{subject} has every = {phase.every!r}, which must be a whole number of steps, at least 1"
    if not isinstance(phase.batch, Batch):
        return f"{subject} has batch = {phase.batch!r}, which must be one of priorkit.interfaces.Batch"
    if phase.batch is not Batch.IMAGES and "encoder" in trained_by(phase):
        return f"{subject} takes codes and trains the encoder, which would change these codes; take images"
    taken = {*SYSTEM_NETWORKS, *_OTHER_MODULES, *(name for other in others for name in other.networks)}
    wrong = _mistake_in_networks(phase, taken) or _mistake_in_players(phase, system)
    if not wrong:
        wrong = _mistake_in_optimizers(phase.optimizers, trained_by(phase), others)
    return f"{subject} {wrong}" if wrong else ""


def _mistake_in_networks(phase: Phase, taken: set[str]) -> str:
    for name, network in phase.networks.items():
        if not _NAME.fullmatch(name):
            return f"names a network {name!r}; a name is lower-case letters, digits and underscores"
        if name in taken:
            return f"names its network {name!r}, which is the name of another module; choose a unique name"
        if not isinstance(network, nn.Module) or not learns(network):
            return f"has a network {name!r} without parameters to train"
        if name not in trained_by(phase):
            return f"has a network {name!r} that none of its players trains"
    return ""


def networks_of(system: System) -> dict[str, nn.Module]:
    """The networks of a system that can be trained, by the names that moves use."""
    modules = {name: getattr(system, name) for name in SYSTEM_NETWORKS}
    return {name: network for name, network in modules.items() if network is not None and learns(network)}


def _mistake_in_players(phase: Phase, system: System) -> str:
    if not phase.players and phase.batch is not Batch.ALL_CODES:
        return "has no players"
    known = {**networks_of(system), **phase.networks}
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
            return f"has optimiser settings for {name!r} that are not OptimizerSettings"
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


def trained_by(phase: Phase) -> set[str]:
    """The names of the networks that a phase's moves train."""
    return {name for names in phase.players.values() for name in names}


def learns(network: nn.Module) -> bool:
    """Whether a network has trainable parameters."""
    return any(weight.requires_grad for weight in network.parameters())
