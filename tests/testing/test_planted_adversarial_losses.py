"""The checks of adversarial losses find planted defects, and explain them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from priorkit.interfaces import AdversarialLoss, Comparison
from priorkit.plugins import AdversarialLossContext
from priorkit.testing import Report, Situations, check_adversarial_loss
from priorkit.testing.checks.adversarial_losses import ADVERSARIAL_LOSSES

SITUATIONS = Situations(examples=2)


class Sound(AdversarialLoss):
    def __init__(self, context: AdversarialLossContext) -> None:
        super().__init__()

    def real(self, logits: Tensor) -> Tensor:
        return softplus(-logits.float()).mean()

    def fake(self, logits: Tensor) -> Tensor:
        return softplus(logits.float()).mean()

    def generator(self, logits: Tensor) -> Tensor:
        return softplus(-logits.float()).mean()


class SoundWithPenalty(Sound):
    has_penalty = True

    def norms(self, gradient: Tensor) -> Tensor:
        return torch.linalg.vector_norm(gradient, dim=1)

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        shares = mixing.view(-1, *[1] * (real.ndim - 1))
        mixed = torch.lerp(fake.float(), real, shares).detach().requires_grad_()
        # Without autocast, whose rounding is not tested here.
        with torch.autocast(real.device.type, enabled=False) if real.device.type == "cpu" else torch.enable_grad():
            (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        return (self.norms(gradient.flatten(1)) - 1).square().mean()


class SoundOneSided(SoundWithPenalty):
    """Penalises slopes above 1 only."""

    def norms(self, gradient: Tensor) -> Tensor:
        return super().norms(gradient).clamp(min=1)


class SoundOfHellinger(Sound):
    """The squared Hellinger distance as an f-divergence, which grows exponentially with logits."""

    def real(self, logits: Tensor) -> Tensor:
        return torch.expm1(-logits.float()).mean()

    def fake(self, logits: Tensor) -> Tensor:
        return torch.expm1(logits.float()).mean()

    def generator(self, logits: Tensor) -> Tensor:
        return -logits.float().mean()


class SoundWithBuffer(Sound):
    needs_whole_batch = True
    margin: Tensor

    def __init__(self, context: AdversarialLossContext) -> None:
        super().__init__(context)
        self.register_buffer("margin", torch.zeros(()))

    def moves(self) -> bool:
        return self.training and torch.is_grad_enabled()

    def move(self, logits: Tensor) -> None:
        if self.moves():
            self.margin.mul_(0.9).add_(0.1 * logits.detach().float().mean())

    def real(self, logits: Tensor) -> Tensor:
        loss = super().real(logits) * (1 + self.margin.square())
        self.move(logits)
        return loss


class ChecksWhatIsNotThere(Sound):
    def check(self, critic: nn.Module) -> None:
        if critic.spectral_norm:
            raise ValueError("needs a critic without spectral norm")


class RefusesInTwoLines(Sound):
    def check(self, critic: nn.Module) -> None:
        if not getattr(critic, "is_autoencoder", False):
            raise ValueError("needs an autoencoder:\nuse another critic")


class Helpful(Sound):
    """The generator minimises the critic's loss."""

    def generator(self, logits: Tensor) -> Tensor:
        return self.fake(logits)


class Exchanged(Sound):
    def real(self, logits: Tensor) -> Tensor:
        return super().fake(logits)

    def fake(self, logits: Tensor) -> Tensor:
        return super().real(logits)


class Clamped(Sound):
    def real(self, logits: Tensor) -> Tensor:
        return -torch.sigmoid(logits.float()).clamp(min=1e-6).log().mean()


class Naive(Sound):
    def fake(self, logits: Tensor) -> Tensor:
        return -torch.log(1 - torch.sigmoid(logits.float())).mean()


class Overflowing(Sound):
    def fake(self, logits: Tensor) -> Tensor:
        return torch.log(1 + logits.float().exp()).mean()


class HalfPrecision(Sound):
    def real(self, logits: Tensor) -> Tensor:
        return (1 - logits).relu().mean()


class PenaltyNotAnnounced(SoundWithPenalty):
    has_penalty = AdversarialLoss.has_penalty


class ForgottenPenalty(Sound):
    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        return critic(real).square().mean()


class PenaltyMissing(Sound):
    has_penalty = True

    def gradient_penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
        return critic(real).square().mean()


class RootOfZero(SoundWithPenalty):
    def norms(self, gradient: Tensor) -> Tensor:
        return gradient.square().sum(dim=1).sqrt()


class WithoutGraph(SoundWithPenalty):
    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        return super().penalty(critic, real, fake, mixing).detach()


class OfTheSamplesAlone(SoundWithPenalty):
    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        return super().penalty(critic, real, fake, mixing).detach() + 0 * critic(real).mean()


class Rewarded(SoundWithPenalty):
    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
        return -super().penalty(critic, real, fake, mixing)


class MovesWithoutGradients(SoundWithBuffer):
    def moves(self) -> bool:
        return self.training


class GeneratorMoves(SoundWithBuffer):
    def generator(self, logits: Tensor) -> Tensor:
        self.move(logits)
        return super().generator(logits)


class Assigned(SoundWithBuffer):
    def move(self, logits: Tensor) -> None:
        if self.moves():
            self.margin = 0.9 * self.margin + 0.1 * logits.detach().float().mean()


class OfPartsOfBatches(SoundWithBuffer):
    needs_whole_batch = False


class MovesAlways(SoundWithBuffer):
    def moves(self) -> bool:
        return True


PULLS, TEACHES = "pulls_the_right_way", "teaches_a_critic_that_is_utterly_wrong"
PENALTY, BUFFERS = "penalties_train_the_critic", "buffers_move_with_the_critic"


class ComparesByAWord(Sound):
    comparison: Any = "paired"


class ComparesWithAPart(Sound):
    comparison = Comparison.AVERAGE


class SoundPaired(Sound):
    comparison = Comparison.PAIRED


PLANTED = [
    (ComparesByAWord, {"compares_as_it_says"}, r"comparison is 'paired'.*\n.*it is a text"),
    (ComparesWithAPart, {"compares_as_it_says"}, r"the mean of a batch, but needs_whole_batch is False"),
    (ChecksWhatIsNotThere, {"accepts_a_critic"}, r"AttributeError.*spectral_norm.*\n.*relies on something"),
    (RefusesInTwoLines, {"accepts_a_critic"}, r"refuses a SmallCritic with .*not with one line"),
    (Helpful, {PULLS}, r"generator has slope .* at logits of -10, but should fall.*\n.*minimises the critic's loss"),
    (Exchanged, {PULLS, TEACHES}, r"real has slope .*; fake has slope .*\n.*real and fake are swapped"),
    (Clamped, {TEACHES}, r"slope of real is -?0 at logits of -10000.*\n.*clamped.*\n.*softplus"),
    (
        Naive,
        {TEACHES, "finite_numbers"},
        r"fake of logits of -50 and 50 has values that are infinite.*\n.*logarithm",
    ),
    (
        Overflowing,
        {TEACHES, "finite_numbers"},
        r"fake of logits of -10000 and 10000 has values that are infinite.*\n.*exponential overflows",
    ),
    (HalfPrecision, {"bfloat16_agrees"}, r"with bfloat16 inputs is torch.bfloat16, not float32.*\n.*8 significant"),
    (ForgottenPenalty, {PENALTY}, r"has_penalty is False: it is never called.*\n.*not set.*\n.*has_penalty = True"),
    (
        PenaltyMissing,
        # All checks that call the penalty call the interface's own.
        {
            PENALTY,
            "shapes_and_dtypes",
            "finite_numbers",
            "repeatable",
            "samples_are_independent",
            "use_changes_nothing",
            "states_are_whole",
            "copies_are_independent",
            "gradients_reach_what_learns",
            "values_are_not_read",
            "stays_on_its_device",
            "bfloat16_agrees",
        },
        r"penalty is not implemented.*\n.*has another name",
    ),
    (
        RootOfZero,
        {PENALTY},
        r"a critic whose weights are all 0 .* infinite or not a number.*\n.*root has no derivative",
    ),
    (WithoutGraph, {PENALTY}, r"the penalty for .* has no gradient.*\n.*create_graph"),
    (OfTheSamplesAlone, {PENALTY}, r"no gradient of the penalty reaches the critic.*\n.*detaches"),
    (Rewarded, {PENALTY}, r"penalty is -?[\d.]+ for a critic, but -[\d.e+]+ for .* as steep.*\n.*sign is wrong"),
    (
        MovesWithoutGradients,
        {BUFFERS},
        r"real changes margin while no gradients are recorded.*\n.*wherever.*\n.*is_grad_ena",
    ),
    (GeneratorMoves, {BUFFERS}, r"generator changes margin.*\n.*buffers of the critic's loss"),
    (Assigned, {BUFFERS}, r"'margin' is another tensor after the call.*\n.*assigned to.*\n.*copy_"),
    (OfPartsOfBatches, {BUFFERS}, r"margin depends on the batch, but needs_whole_batch is False"),
    (
        MovesAlways,
        {BUFFERS, "use_changes_nothing", "repeatable", "copies_are_independent"},
        r"real changes 'margin' in evaluation mode",
    ),
]


@pytest.mark.parametrize(
    "sound", [Sound, SoundWithPenalty, SoundOneSided, SoundOfHellinger, SoundWithBuffer, PenaltyNotAnnounced]
)
def test_a_sound_one_passes_everything(sound: type[Sound]) -> None:
    report = check_adversarial_loss(sound, situations=SITUATIONS)
    assert not report.failed, str(report)


@pytest.mark.parametrize(("planted", "checks", "told"), PLANTED, ids=[each[0].__name__ for each in PLANTED])
def test_what_is_planted_is_found(
    planted: type[Sound], checks: set[str], told: str, report_on: Callable[[str, Any, Situations], Report]
) -> None:
    report = report_on("adversarial_loss", planted, SITUATIONS)
    assert {result.check for result in report.failed} == checks, str(report)
    assert any(re.search(told, str(result)) for result in report.failed), str(report)


def test_every_check_has_been_seen_to_fail() -> None:
    assert {check.name for check in ADVERSARIAL_LOSSES} <= set.union(*(checks for _, checks, _ in PLANTED))
