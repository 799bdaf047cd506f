"""Checks of phases: those of a phase component, and those that other components bring."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.interfaces import Batch, Move, Phase, Posterior, System
from priorkit.models.phase_contract import SYSTEM_NETWORKS, mistake_in_phase
from priorkit.testing.check import Check, NotApplicable, Refused, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.stand_in_system import system_around
from priorkit.testing.stand_ins import random_images
from priorkit.testing.subject import AnySubject
from priorkit.testing.subjects.phase import Phases, PhaseSubject

__all__ = ["PHASES", "reached_by_phases"]

_BATCH = 16
_ROUNDS = 2
_RATE = 1e-3
_TAKEN = ("autoencoder", "code_fitting", "code_matching", "image_critic", "prior_improvement")
"""Names of priorkit's own phases, which may be in any run."""


def _phases(subject: AnySubject, component: Any) -> tuple[System, list[Phase]]:
    """Returns the phases of a component, and the system that they train: a small system around the component."""
    if isinstance(component, Phases):
        assert isinstance(subject, PhaseSubject)
        return subject.system, list(component)
    if not hasattr(component, "phases"):
        raise NotApplicable("its kind brings no phases")
    system = system_around(component, subject)
    try:
        phases = list(component.phases(system))
    except ValueError as error:
        raise Refused(f"it refuses the kit's system: {' '.join(str(error).split())}") from error
    if not phases:
        raise NotApplicable("it brings no phases")
    return system, phases


def _batch(system: System, phase: Phase, seed: int) -> Tensor:
    """Returns a batch for a phase: images, or their codes."""
    images = random_images(_BATCH, system.shape, seed)
    if phase.batch is Batch.IMAGES:
        return images
    if system.encoder is None:
        raise Refused("it takes codes, but the kit's system has no encoder")
    with torch.no_grad():
        posterior: Posterior = system.encoder(images)
    return posterior.latent


def _networks(system: System, phase: Phase) -> dict[str, nn.Module]:
    modules = {name: getattr(system, name) for name in SYSTEM_NETWORKS}
    return {**{name: network for name, network in modules.items() if network is not None}, **phase.networks}


def _noise(system: System, phase: Phase, seed: int) -> dict[str, Tensor]:
    noise = dict(phase.noise(_BATCH, torch.Generator().manual_seed(seed), torch.device("cpu")))
    if system.condition is not None and system.condition.from_data:
        noise["condition"] = system.condition.draw(_BATCH, generator=torch.Generator().manual_seed(seed))
        if system.condition.shows_entries:
            noise["entries"] = system.condition.draw_entries(_BATCH, generator=torch.Generator().manual_seed(seed))
    return noise


def _gradients(phase: Phase, move: Move, networks: Mapping[str, nn.Module]) -> dict[str, dict[str, Tensor | None]]:
    """Returns the gradients of a move's terms for its player's networks, by network and parameter."""
    weights = {
        name: {key: weight for key, weight in networks[name].named_parameters() if weight.requires_grad}
        for name in phase.players[move.player]
    }
    total = torch.stack([term.float() for term in move.terms.values()]).sum()
    flat = [weight for each in weights.values() for weight in each.values()]
    found = iter(torch.autograd.grad(total, flat, allow_unused=True))
    return {name: {key: next(found) for key in each} for name, each in weights.items()}


def reached_by_phases(subject: AnySubject, component: Any) -> set[str]:
    """Returns the names of the component's parameters that gradients of its phases' moves reach.

    Raises:
        Refused: The component refuses to be trained in this situation.
    """
    try:
        system, phases = _phases(subject, component)
    except Refused:
        raise
    except NotApplicable:
        return set()
    # A network of a phase may be a submodule of the component.
    own = {id(weight): name for name, weight in component.named_parameters()}
    reached: set[str] = set()
    for phase in phases:
        networks = _networks(system, phase)
        for move in phase.moves(_batch(system, phase, 0), _noise(system, phase, subject.case.seed)):
            for name, gradients in _gradients(phase, move, networks).items():
                weights = dict(networks[name].named_parameters())
                found = {key for key, value in gradients.items() if value is not None and value.any()}
                reached |= {own[id(weights[key])] for key in found if id(weights[key]) in own}
    return reached


def phases_keep_their_contract(subject: AnySubject) -> None:
    """Phases have valid names, players and networks, and draw noise from the given generator alone."""
    system, phases = _phases(subject, subject.component())
    own = subject.case.package == "priorkit_plugins"
    for number, phase in enumerate(phases):
        wrong = mistake_in_phase(phase, system, phases[:number])
        require(not wrong, wrong)
        require(
            own or phase.name not in _TAKEN,
            f"the phase {phase.name!r} has the name of one of priorkit's own phases",
        )
        with global_state_kept(f"noise of the phase {phase.name!r}"):
            first, again, other = (_noise(system, phase, seed) for seed in (3, 3, 4))
        for name, value in first.items():
            require(
                value.ndim > 0 and len(value) == _BATCH,
                f"the noise {name!r} of the phase {phase.name!r} has shape {tuple(value.shape)}, not ({_BATCH}, ...)",
            )
            require(
                torch.equal(value, again[name]),
                f"the noise {name!r} of the phase {phase.name!r} differs for the same seed of the generator",
            )
            require(
                value.numel() == 0 or not torch.equal(value, other[name]),
                f"the noise {name!r} of the phase {phase.name!r} is the same for another seed of the generator",
            )


def phases_train_their_players(subject: AnySubject) -> None:
    """Each move has finite scalar terms with gradients for its player's networks, also after earlier moves."""
    component = subject.component()
    system, phases = _phases(subject, component)
    for phase in phases:
        networks = _networks(system, phase)
        for network in networks.values():
            network.train()
        reached: set[str] = set()
        for round_ in range(_ROUNDS):
            noise = _noise(system, phase, subject.case.seed + round_)
            moves = phase.moves(_batch(system, phase, round_), noise)
            while True:
                with global_state_kept(f"moves of the phase {phase.name!r}"):
                    move = next(moves, None)
                if move is None:
                    break
                reached |= _train(phase, move, networks)
        for player, names in phase.players.items():
            for name in names:
                require(
                    f"{player}/{name}" in reached,
                    f"no move of the player {player!r} of the phase {phase.name!r} has a gradient for {name!r}",
                    "the move is never yielded, or its terms are detached from this network",
                    "yield a move for every player; compute its terms with the networks that it trains",
                )


def _train(phase: Phase, move: Move, networks: Mapping[str, nn.Module]) -> set[str]:
    """Takes a gradient step. Returns the networks of the player that it changed, as `player/network`."""
    where = f"of the phase {phase.name!r}"
    require(isinstance(move, Move), f"moves() {where} yields a {type(move).__name__}, not a Move")
    require(move.player in phase.players, f"a move {where} names {move.player!r}, which is not one of its players")
    require(bool(move.terms), f"a move of {move.player!r} {where} has no loss terms")
    for name, term in move.terms.items():
        require(
            isinstance(term, Tensor) and term.ndim == 0,
            f"the term {name!r} {where} is not a scalar tensor",
            "a loss for each image is returned",
            "take the mean over the batch",
        )
        require(bool(term.isfinite()), f"the term {name!r} {where} is {float(term.detach())}")
        require(term.requires_grad, f"the term {name!r} {where} has no gradient: it is detached")
    moved = set()
    for name, gradients in _gradients(phase, move, networks).items():
        weights = dict(networks[name].named_parameters())
        with torch.no_grad():
            for key, gradient in gradients.items():
                if gradient is not None and bool(gradient.any()):
                    moved.add(f"{move.player}/{name}")
                    weights[key].sub_(_RATE * gradient)
    return moved


PHASES = (
    Check(
        "phases_keep_their_contract",
        phases_keep_their_contract,
        "a phase names a network that does not exist, uses a name that is taken, or draws noise elsewhere",
        "see priorkit.interfaces.Phase; pass `generator` and `device` to every call that draws",
        required=False,
    ),
    Check(
        "phases_train_their_players",
        phases_train_their_players,
        "a move uses values that are detached, or that were computed before an update of the weights",
        "compute the terms of a move after the preceding moves, without detaching the networks that it trains",
        required=False,
        explains_errors=True,
    ),
)
