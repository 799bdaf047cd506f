"""The checks of phases that components bring find planted defects."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn

from priorkit.interfaces import Learning, Move, Noise, OptimizerSettings, Phase, Prior, System
from priorkit.plugins import PriorContext
from priorkit.testing import check_prior
from priorkit.testing.checks.phases import PHASES
from sound_priors import Planted


class Matching(Phase):
    """A phase that moves a prior's mean and scale to those of codes, and also trains its own critic."""

    name = "matching"
    players: Mapping[str, tuple[str, ...]] = {"critic": ("moment_critic",), "prior": ("prior",)}

    def __init__(self, system: System) -> None:
        self.system = system
        self.critic = nn.Linear(system.code_dim, 1)
        self.networks = {"moment_critic": self.critic}
        self.optimizers = {"moment_critic": OptimizerSettings("sgd", learning_rate=0.1)}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {"prior": self.system.prior.noise(n, generator=generator, device=device)}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        assert self.system.encoder is not None
        codes = self.system.encoder(images).code.detach()
        made = self.system.prior(noise["prior"])
        yield Move("critic", {"critic": self.critic(made.detach()).mean() - self.critic(codes).mean()})
        yield Move("prior", {"critic": -self.critic(made).mean(), "size": made.square().mean()})


class Moved(Prior):
    """A normal distribution that learns in its own phase."""

    learning = Learning.PHASES
    phase: Callable[[System], Phase] = Matching

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.mean = nn.Parameter(torch.randn(self.code_dim))
        self.scale = nn.Parameter(torch.rand(self.code_dim) + 0.5)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.scale * noise

    def phases(self, system: System) -> Sequence[Phase]:
        if system.encoder is None:
            raise ValueError("learns from codes; use --encoder deterministic")
        return [type(self).phase(system)]


def bringing(phase: type[Matching]) -> type[Moved]:
    return type(f"Brings{phase.__name__}", (Moved,), {"phase": phase})


class NoName(Matching):
    name = "Not a Name"


class TakenName(Matching):
    name = "autoencoder"


class NeverItsTurn(Matching):
    every = 0


class NoPlayers(Matching):
    players: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.networks = {}


class TrainsNobody(Matching):
    players: Mapping[str, tuple[str, ...]] = {**Matching.players, "prior": ("image_discriminator",)}


class TakenNetwork(Matching):
    players: Mapping[str, tuple[str, ...]] = {**Matching.players, "critic": ("decoder",)}

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.networks = {"decoder": self.critic}
        self.optimizers = {}


class SettingsForOthers(Matching):
    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.optimizers = {"encoder": OptimizerSettings(learning_rate=0.1)}


class NoiseElsewhere(Matching):
    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {"prior": self.system.prior.noise(n, device=device)}


class NoiseOfOne(Matching):
    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return super().noise(1, generator, device)


class TheSameNoise(Matching):
    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {"prior": torch.ones(n, self.system.code_dim, device=device)}


class DrawsInItsMoves(Matching):
    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        yield from super().moves(images + torch.rand_like(images), noise)


class PriorDetached(Matching):
    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        for move in super().moves(images, noise):
            terms = {"critic": self.critic(torch.ones(3, self.system.code_dim)).mean()}
            yield Move(move.player, terms) if move.player == "prior" else move


class ForgetsAMove(Matching):
    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        yield next(super().moves(images, noise))


class Unreduced(Matching):
    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        for move in super().moves(images, noise):
            yield Move(move.player, {"each": self.system.prior(noise["prior"]).sum(1)})


class UsesWhatHasMoved(Matching):
    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        made = self.system.prior(noise["prior"])
        judged = (self.critic(made) ** 2 * self.critic.weight.sum()).mean()
        yield Move("critic", {"critic": self.critic(made.detach()).mean()})
        yield Move("prior", {"critic": judged})


KEEP, TRAIN = "phases_keep_their_contract", "phases_train_their_players"
PLANTED = [
    Planted(KEEP, bringing(NoName), "a phase named 'Not a Name'"),
    Planted(KEEP, bringing(TakenName), "'autoencoder' has the name of one of priorkit's"),
    Planted(KEEP, bringing(NeverItsTurn), "every = 0, which must be a whole number"),
    Planted(KEEP, bringing(NoPlayers), "has no players"),
    Planted(KEEP, bringing(TrainsNobody), "trains 'image_discriminator'; what can be trained in this system is"),
    Planted(KEEP, bringing(TakenNetwork), "names its network 'decoder', which is the name of another module"),
    Planted(KEEP, bringing(SettingsForOthers), "optimiser settings for 'encoder', which it does not train"),
    Planted(KEEP, bringing(NoiseElsewhere), "noise of the phase 'matching' draws from the global generator"),
    Planted(KEEP, bringing(NoiseOfOne), r"'prior' of the phase 'matching' has shape \(1, \d+\)"),
    Planted(KEEP, bringing(TheSameNoise), "the same for another seed"),
    Planted(TRAIN, bringing(DrawsInItsMoves), "moves of the phase 'matching' draws from the global generator"),
    Planted(TRAIN, bringing(PriorDetached), "no move of the player 'prior' .* has a gradient for 'prior'.*detached"),
    Planted(TRAIN, bringing(ForgetsAMove), "no move of the player 'prior' .* never yielded"),
    Planted(TRAIN, bringing(Unreduced), "the term 'each' of the phase 'matching' is not a scalar tensor"),
    Planted(TRAIN, bringing(UsesWhatHasMoved), "modified by an inplace operation.*computed before an update"),
]


def test_a_sound_one_passes_everything() -> None:
    report = check_prior(Moved, required=(KEEP, TRAIN))
    assert not report.failed, str(report)


def test_parameters_that_no_phase_trains_are_found() -> None:
    class Idle(Moved):
        def __init__(self, context: PriorContext) -> None:
            super().__init__(context)
            self.idle = nn.Parameter(torch.ones(()))

    (result,) = [item for item in check_prior(Idle).failed if item.check == "gradients_reach_what_learns"]
    assert "the parameters idle" in str(result)


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_what_is_planted_is_found(planted: Planted) -> None:
    planted.must_be_found()


def test_every_check_has_been_seen_to_fail() -> None:
    assert {check.name for check in PHASES} == {planted.check for planted in PLANTED}
