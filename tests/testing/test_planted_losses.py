"""The checks of reconstruction losses find planted defects, and explain them."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.interfaces import ImageCritic, ImageShape, ReconstructionLoss
from priorkit.plugins import LossContext
from priorkit.testing import Report, Situations, check_reconstruction_loss
from priorkit.testing.checks.likelihoods import LIKELIHOODS
from priorkit.testing.checks.losses import LOSSES

SITUATIONS = Situations(shapes=(ImageShape(1, 16), ImageShape(3, 16)), examples=2)


class Sound(ReconstructionLoss):
    """Minus the log-likelihood of a normal distribution with variance 1, without its constant."""

    def __init__(self, context: LossContext) -> None:
        super().__init__()

    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return 0.5 * (reconstruction.float() - image.detach().float()).square().flatten(1).sum(1)

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        return self.distances(reconstruction, image).mean()

    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return -self.distances(reconstruction, image) - 0.5 * image[0].numel() * math.log(math.tau)


class SoundOfBinaryImages(Sound):
    of_binary_images = True

    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        white = 0.01 + 0.98 * (1 + reconstruction.float()) / 2
        target = (1 + image.detach().float()) / 2
        return -(target * white.log() + (1 - target) * (1 - white).log()).flatten(1).sum(1)

    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return -self.distances(reconstruction, image)


class SoundOfLevels(Sound):
    """A logistic distribution over 256 levels; the outermost levels include the tails."""

    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        away = (image.detach().float() - reconstruction.float()) / 0.3
        half = 1 / 255 / 0.3
        upper = torch.where(image > 0.999, 1.0, torch.sigmoid(away + half))
        lower = torch.where(image < -0.999, 0.0, torch.sigmoid(away - half))
        return -(upper - lower).clamp(min=1e-12).log().flatten(1).sum(1)

    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return -self.distances(reconstruction, image) - image[0].numel() * math.log(2 / 255)


class NoLikelihood(Sound):
    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        raise TypeError("it is none")


class SoundWithCritic(NoLikelihood):
    needs_image_critic = True

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        assert image_critic is not None
        with torch.no_grad():
            wanted = image_critic.features(image)
        return (image_critic.features(reconstruction) - wanted).float().square().mean()


class BelowZero(NoLikelihood):
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        return super().forward(reconstruction, image) - 10


class OtherRange(NoLikelihood):
    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return super().distances(reconstruction, (image + 1) / 2)


class Blind(NoLikelihood):
    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return super().distances(reconstruction, reconstruction.detach()) + (reconstruction - reconstruction).sum()


class OfOneChannel(NoLikelihood):
    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return super().distances(reconstruction[:, :1], image[:, :1])


class OfTheUpperHalf(NoLikelihood):
    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        half = image.shape[2] // 2
        return super().distances(reconstruction[:, :, :half], image[:, :, :half])


class Relative(NoLikelihood):
    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        squares = (reconstruction.float() - image.detach().float()).square().flatten(1)
        return squares.mean(1) / squares.amax(1).detach().clamp(min=1e-12)


class CriticForgotten(NoLikelihood):
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        loss = super().forward(reconstruction, image)
        if image_critic is None:
            return loss
        return loss + (image_critic.features(reconstruction) - image_critic.features(image).detach()).square().mean()


class CriticInVain(NoLikelihood):
    needs_image_critic = True


class Unnormalised(Sound):
    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return -self.distances(reconstruction, image)


class Levels(Sound):
    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return super().log_likelihood(reconstruction, image) + image[0].numel() * math.log(127.5)


class NegativeLikelihood(SoundOfBinaryImages):
    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return self.distances(reconstruction, image)


class AveragedOverPixels(Sound):
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        return super().forward(reconstruction, image) / image[0].numel()


class RefusedWithoutAWord(Sound):
    def log_likelihood(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        raise TypeError


class SumOverTheBatch(NoLikelihood):
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        return self.distances(reconstruction, image).sum()


class Unreduced(NoLikelihood):
    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: ImageCritic | None = None) -> Tensor:
        return (reconstruction.float() - image.detach().float()).square().flatten(1).mean(1).cumsum(0)[-1:]


class TrainsTheImage(NoLikelihood):
    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return (reconstruction.float() - image.float()).square().flatten(1).mean(1)


class HalfPrecision(NoLikelihood):
    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        pixels = image[0].numel()
        weights = torch.ones(pixels, 1, device=image.device)
        return ((reconstruction - image.detach()).square().flatten(1) @ weights).flatten()


class LearnsItsScale(NoLikelihood):
    def __init__(self, context: LossContext) -> None:
        super().__init__(context)
        self.log_scale = torch.nn.Parameter(torch.zeros(()))

    def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
        return super().distances(reconstruction, image) * self.log_scale.exp()


LOWEST, GROWS, CRITIC = (
    "lowest_for_the_image_itself",
    "grows_with_the_distance",
    "the_critic_is_used_where_it_is_needed",
)
WHOLE = "the_whole_image_counts"
NORMALISE, AGREE = "likelihoods_normalise", "likelihoods_agree_with_the_loss"

PLANTED = [
    (BelowZero, {LOWEST}, r"is -10 for the image itself, below 0.*\n.*constant is subtracted"),
    (
        OtherRange,
        {LOWEST, GROWS},
        r"for the image itself, but .* for a paler copy.*\n.*not transformed alike.*\n.*\[-1, 1\]",
    ),
    (
        Blind,
        {LOWEST, GROWS, WHOLE, "gradients_reach_what_learns"},
        r"is 0 for the image itself and for all others.*\n.*does not compare",
    ),
    (OfOneChannel, {WHOLE}, r"channel 1 of 3 of the reconstruction has no influence.*\n.*cut off"),
    (OfTheUpperHalf, {WHOLE}, r"the lower left quarter of the reconstruction has no influence.*\n.*cut off"),
    (Relative, {GROWS}, r"does not grow .*: it is .* at 2%.*\n.*normalised by the distance itself"),
    (CriticForgotten, {CRITIC}, r"needs_image_critic is False, but the loss depends on.*\n.*is not set"),
    (
        CriticInVain,
        {CRITIC},
        r"True, but the loss is the same with another.*\n.*not used.*\n.*leave needs_image_critic False",
    ),
    (Unnormalised, {NORMALISE}, r"integrates to 2\.507 .*not to 1.*\n.*log\(2 pi\) / 2 of each pixel"),
    (Levels, {NORMALISE}, r"integrates to 127\.5 .*\n.*one of 256 levels, not a density"),
    (NegativeLikelihood, {NORMALISE, AGREE}, r"cosine -1, not 1.*\n.*negative log-likelihood.*\n.*its negative"),
    (AveragedOverPixels, {AGREE}, r"changes 256 times as fast.*\n.*averaged over the 256 pixels.*\n.*TypeError"),
    (RefusedWithoutAWord, {NORMALISE, AGREE}, r"a TypeError with ''.*\n.*no message"),
    (SumOverTheBatch, {"samples_are_independent"}, r"mean over its halves.*\n.*the sum over the batch"),
    (
        Unreduced,
        {"shapes_and_dtypes", "samples_are_independent"},
        r"shape \(1,\) for 1 samples, not \(\).*\n.*not averaged",
    ),
    (TrainsTheImage, {"gradients_reach_what_learns"}, r"reaches its input 'image'.*\n.*not detached"),
    (
        LearnsItsScale,
        {"gradients_reach_what_learns"},
        r"nothing trains the parameters log_scale.*\n.*losses and conditions are not trained.*\n.*buffer or an option",
    ),
    (HalfPrecision, {"bfloat16_agrees"}, r"forward under autocast is torch.bfloat16"),
]


@pytest.mark.parametrize("sound", [Sound, SoundOfBinaryImages, SoundOfLevels, NoLikelihood, SoundWithCritic])
def test_a_sound_one_passes_everything(sound: type[Sound]) -> None:
    report = check_reconstruction_loss(sound, situations=SITUATIONS)
    assert not report.failed, str(report)
    likelihoods = [] if sound in (Sound, SoundOfBinaryImages, SoundOfLevels) else [check.name for check in LIKELIHOODS]
    assert [result.check for result in report.skipped if result.check.startswith("likelihoods")] == likelihoods


@pytest.mark.parametrize(("planted", "checks", "told"), PLANTED, ids=[each[0].__name__ for each in PLANTED])
def test_what_is_planted_is_found(
    planted: type[Sound], checks: set[str], told: str, report_on: Callable[[str, Any, Situations], Report]
) -> None:
    report = report_on("loss", planted, SITUATIONS)
    assert {result.check for result in report.failed} == checks, str(report)
    assert any(re.search(told, str(result)) for result in report.failed), str(report)


def test_every_check_has_been_seen_to_fail() -> None:
    assert {check.name for check in (*LOSSES, *LIKELIHOODS)} <= set.union(*(checks for _, checks, _ in PLANTED))


def test_likelihoods_that_are_no_sum_over_pixels_are_not_integrated() -> None:
    class Neighbours(Sound):
        def distances(self, reconstruction: Tensor, image: Tensor) -> Tensor:
            difference = reconstruction.float() - image.detach().float()
            return 0.5 * (difference.square() + difference * difference.roll(1, dims=3) / 2).flatten(1).sum(1)

    report = check_reconstruction_loss(Neighbours, situations=SITUATIONS)
    assert not report.failed, str(report)
    reasons = {result.check: result.reason for result in report.skipped}
    assert reasons[NORMALISE] == "it is not a sum of equal terms, one for each pixel"
    assert AGREE not in reasons
