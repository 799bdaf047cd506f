"""The checks of regularizers find planted defects, and explain them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from priorkit.interfaces import Encoder, Learning, Posterior, Prior, Regularizer
from priorkit.plugins import RegularizerContext
from priorkit.testing import Report, Situations, check_regularizer
from priorkit.testing.checks.regularizers import REGULARIZERS

SITUATIONS = Situations(code_dims=(2,), classes=(3,), examples=2)


def refuse_learned(prior: Prior) -> None:
    if prior.learning is Learning.LIKELIHOOD:
        raise ValueError("does not train priors")


class Moments(Regularizer):
    """The squared difference of means and variances of codes."""

    needs_whole_batch = True

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__()

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        code, wanted = self.seen(posterior).float(), prior_code.float()
        return {"regularization": self.distance(code, wanted)}

    def seen(self, posterior: Posterior) -> Tensor:
        return posterior.code

    def distance(self, code: Tensor, wanted: Tensor) -> Tensor:
        means = (code.mean(0) - wanted.mean(0)).square().mean()
        return means + (code.square().mean(0) - wanted.square().mean(0)).square().mean().sqrt()


class SaysItHasNoTerms(Moments):
    has_terms = False


class Likelihood(Regularizer):
    """Minus the prior's log-density of codes, minus the posterior's entropy."""

    needs_prior_code = False
    uses_condition = True

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__()

    def check(self, encoder: Encoder, prior: Prior) -> None:
        if not encoder.stochastic:
            raise ValueError("needs a stochastic encoder")
        if not prior.has_density:
            raise ValueError("needs a prior with a density")

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        code = posterior.code.float()
        density = prior.log_prob(code, condition) if prior.takes_condition else prior.log_prob(code)
        return {"regularization": (-density - self.entropy(posterior)).mean()}

    def entropy(self, posterior: Posterior) -> Tensor:
        if posterior.log_variance is not None:
            return 0.5 * posterior.log_variance.float().sum(1)
        assert posterior.log_prob is not None
        return -posterior.log_prob


class NormalAlone(Likelihood):
    def entropy(self, posterior: Posterior) -> Tensor:
        assert posterior.log_variance is not None
        return super().entropy(posterior)


class Critic(Regularizer):
    """A critic of codes, with a penalty if the adversarial loss has one."""

    has_critic = True

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__()
        self.critic = context.networks.code_critic(context.code_dim)
        self.penalised = context.adversarial_loss.has_penalty

    @property
    def needs_mixing(self) -> bool:  # type: ignore[override]
        return self.penalised

    def check(self, encoder: Encoder, prior: Prior) -> None:
        refuse_learned(prior)

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        terms = {
            "critic_real": softplus(-self.critic(prior_code).float()).mean(),
            "critic_fake": softplus(self.critic(code).float()).mean(),
        }
        if self.penalised and mixing is not None:
            mixed = torch.lerp(code.float(), prior_code.float(), mixing[:, None])
            terms["critic_penalty"] = self.critic(mixed).float().square().mean()
        return terms

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        return {"regularization": softplus(-self.critic(posterior.code).float()).mean()}


class CriticWithBatchNorm(Critic):
    """A critic with dropout and batch norm, whose statistics a run synchronises over whole batches."""

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__(context)
        self.critic = nn.Sequential(
            nn.Linear(context.code_dim, 32),
            nn.BatchNorm1d(32),
            nn.LeakyReLU(0.2),
            nn.Dropout(0.1),
            nn.Linear(32, 1),
            nn.Flatten(0),
        )

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        # In one batch: normalised separately, they would not differ in mean and variance.
        real, fake = self.critic(torch.cat([prior_code.float(), code.float()])).float().chunk(2)
        terms = {"critic_real": softplus(-real).mean(), "critic_fake": softplus(fake).mean()}
        if self.penalised and mixing is not None:
            terms["critic_penalty"] = super().critic_terms(code, prior_code, condition, mixing)["critic_penalty"]
        return terms


class ConditionalCritic(Critic):
    """A critic that sees the class: it may add a weight for each class to logits."""

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__(context)
        self.labels = nn.Linear(context.condition_dim, 1, bias=False) if context.condition_dim else None

    @property
    def uses_condition(self) -> bool:  # type: ignore[override]
        return self.labels is not None

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        terms = dict(super().critic_terms(code, prior_code, condition, mixing))
        if self.labels is not None:
            own = self.labels(condition).flatten()
            terms["critic_fake"] = softplus((self.critic(code) + own * code.mean(1)).float()).mean()
        return terms


class SoundAverage(Moments):
    """Also compares with a running mean of the data's codes."""

    running: Tensor

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__(context)
        self.register_buffer("running", torch.zeros(context.code_dim))

    def seen(self, posterior: Posterior) -> Tensor:
        code = posterior.code + 0.01 * self.running.clone()
        if self.training and torch.is_grad_enabled():
            self.running.mul_(0.9).add_(0.1 * posterior.code.detach().float().mean(0))
        return code


class Misnamed(Moments):
    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        return {"reconstruction": self.distance(posterior.code.float(), prior_code.float())}


class SameName(Critic):
    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        terms = super().critic_terms(code, prior_code, condition, mixing)
        return {name.replace("critic_real", "regularization"): term for name, term in terms.items()}


class TermsWithoutCritic(Moments):
    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        return {"critic_real": prior_code.float().mean()}


class Untrained(Moments):
    """A constant is a parameter."""

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__(context)
        self.scale = nn.Parameter(torch.ones(()))

    def distance(self, code: Tensor, wanted: Tensor) -> Tensor:
        return super().distance(code, wanted) * self.scale.square()


class UntrainedCritic(Untrained):
    has_critic = True


class HiddenCritic(TermsWithoutCritic):
    has_critic = True


class KeepsThePrior(Likelihood):
    uses_condition = False

    def check(self, encoder: Encoder, prior: Prior) -> None:
        super().check(encoder, prior)
        if prior.learning is Learning.FIXED:
            raise ValueError("needs a prior that learns")
        self.prior = prior


class SampledInVain(Likelihood):
    needs_prior_code = True


class SumOfNothing(Likelihood):
    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        terms = super().encoder_terms(posterior, prior, prior_code, condition, noise)
        return {**terms, "centre": prior_code.float().sum().square()}


class ConditionForgotten(Likelihood):
    uses_condition = False


class ConditionNotPassedOn(Moments):
    uses_condition = True


class MixingInVain(Critic):
    needs_mixing = True


class MixingForgotten(Critic):
    needs_mixing = False


class ReadsTheVariance(Likelihood):
    def check(self, encoder: Encoder, prior: Prior) -> None:
        if not prior.has_density:
            raise ValueError("needs a prior with a density")


class ReadsTheDensity(Likelihood):
    def check(self, encoder: Encoder, prior: Prior) -> None:
        if not encoder.stochastic:
            raise ValueError("needs a stochastic encoder")


class RefusesInTwoLines(Likelihood):
    def check(self, encoder: Encoder, prior: Prior) -> None:
        if not encoder.stochastic:
            raise ValueError("needs a stochastic encoder:\nuse another")
        super().check(encoder, prior)


class AverageOfParts(SoundAverage):
    needs_whole_batch = False

    def distance(self, code: Tensor, wanted: Tensor) -> Tensor:
        return (code.square() + wanted.square()).mean()


class WrongWay(Likelihood):
    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        terms = super().encoder_terms(posterior, prior, prior_code, condition, noise)
        return {name: -term for name, term in terms.items()}


class ExchangedInCritic(Critic):
    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        return super().critic_terms(prior_code, code, condition, mixing)


class SumOverTheBatch(Likelihood):
    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        terms = super().encoder_terms(posterior, prior, prior_code, condition, noise)
        return {name: term * len(posterior.code) for name, term in terms.items()}


class RefusesOneCode(Likelihood):
    """Refuses a single code without a reason: it does not compare the codes of a batch."""

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        if len(posterior.code) < 2:
            raise ValueError("one code is not enough")
        return super().encoder_terms(posterior, prior, prior_code, condition, noise)


class SoundOfSeveral(Moments):
    def distance(self, code: Tensor, wanted: Tensor) -> Tensor:
        if len(code) < 2:
            raise ValueError("one code is not enough")
        return super().distance(code, wanted)


class Detached(Critic):
    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        return {"regularization": softplus(-self.critic(posterior.code.detach()).float()).mean()}


class OfOneDimension(Moments):
    def distance(self, code: Tensor, wanted: Tensor) -> Tensor:
        return super().distance(code[:, :1], wanted[:, :1])


class PriorDetached(Moments):
    def distance(self, code: Tensor, wanted: Tensor) -> Tensor:
        return super().distance(code, wanted.detach())


class SaysThatItTrainsNoPrior(Likelihood):
    trains_prior = False


class Projected(Moments):
    """Compares codes along random directions: each image draws some, and the whole batch shares all."""

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__(context)
        self.code_dim = context.code_dim

    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.randn(n, 2, self.code_dim, generator=generator, device=device)

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        directions = self.directions(posterior.code, noise).float()
        # A matrix product would be computed in low precision under autocast.
        code, wanted = ((codes.float()[:, :, None] * directions).sum(1) for codes in (posterior.code, prior_code))
        return {"regularization": self.distance(code, wanted)}

    def directions(self, code: Tensor, noise: Tensor | None) -> Tensor:
        assert noise is not None
        return noise.flatten(0, 1).T


class DirectionsOfTheBatch(Projected):
    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.randn(9, self.code_dim, generator=generator, device=device)

    def directions(self, code: Tensor, noise: Tensor | None) -> Tensor:
        assert noise is not None
        return noise.T


class GeneratorForgotten(Projected):
    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.randn(n, 2, self.code_dim, device=device)


class DeviceForgotten(Projected):
    def encoder_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        return torch.randn(n, 2, self.code_dim, generator=generator)


class NoiseInVain(Projected):
    def directions(self, code: Tensor, noise: Tensor | None) -> Tensor:
        return torch.eye(self.code_dim, device=code.device)


class FlatDecoder(Likelihood):
    """Penalises differences between decoded images of codes and of nearby codes."""

    def decoder_terms(
        self, decoder: nn.Module, posterior: Posterior, noise: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        code = self.decoded(posterior).float()
        difference = decoder(code + 0.1).float() - decoder(code).float()
        return {"decoder_slope": difference.square().mean()}

    def decoded(self, posterior: Posterior) -> Tensor:
        return posterior.code.detach()


class DecoderIgnored(FlatDecoder):
    def decoder_terms(
        self, decoder: nn.Module, posterior: Posterior, noise: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        terms = super().decoder_terms(decoder, posterior, noise)
        return {name: term.detach() for name, term in terms.items()}


class DecoderLeadsToTheEncoder(FlatDecoder):
    def decoded(self, posterior: Posterior) -> Tensor:
        return posterior.code


SAYS, CLOSE, WORKS = "says_what_it_is", "keeps_codes_close_to_the_prior", "works_with_what_it_accepts"
CODES, CONDITIONS, MIXING = (f"{word}_used_as_it_says" for word in ("prior_codes_are", "conditions_are", "mixing_is"))
NOISE = "encoder_noise_comes_from_the_generator"
LEARNS = "a_prior_that_learns_by_likelihood_learns"

PLANTED = [
    (
        NormalAlone,
        {"other_posteriors_are_used_or_refused"},
        r"posteriors without a log_variance end with AssertionError.*\n.*assumes normal posteriors",
    ),
    (Misnamed, {SAYS}, r"named 'reconstruction', .* one of the run's own.*\n.*in use"),
    (SameName, {SAYS}, r"have the name regularization in common.*\n.*twice"),
    (
        SaysItHasNoTerms,
        {SAYS},
        r"has_terms is False, but it has the terms regularization, which phases would leave out",
    ),
    (TermsWithoutCritic, {SAYS}, r"has_critic is False, but critic_terms returns critic_real.*\n.*is not set"),
    (Untrained, {"gradients_reach_what_learns"}, r"not said to learn, so nothing trains the parameters scale"),
    (
        UntrainedCritic,
        {SAYS, "gradients_reach_what_learns", CLOSE},
        r"critic_terms is empty: nothing trains its parameters.*\n.*not implemented",
    ),
    (
        KeepsThePrior,
        {SAYS, "gradients_reach_what_learns", "copies_are_independent"},
        r"prior.mean, prior.log_deviation belong to the encoder or the prior.*\n.*makes it a submodule",
    ),
    (
        HiddenCritic,
        {SAYS, CLOSE},
        r"has no parameters that critic_terms could train.*\n.*as a submodule",
    ),
    (
        SampledInVain,
        {CODES},
        r"needs_prior_code is True, but no term depends.*\n.*for nothing.*\n.*needs_prior_code = False",
    ),
    (
        SumOfNothing,
        {CODES},
        r"encoder's centre depends on prior_code, which is empty.*\n.*over an empty batch",
    ),
    (
        ConditionForgotten,
        {CONDITIONS},
        r"uses_condition is False, but the encoder's regularization depends.*\n.*not set",
    ),
    (
        ConditionNotPassedOn,
        {CONDITIONS},
        r"uses_condition is True, but no term depends on the condition.*\n.*not passed",
    ),
    (MixingInVain, {MIXING}, r"needs_mixing is True, but no term depends on mixing.*\n.*not passed"),
    (MixingForgotten, {MIXING}, r"needs_mixing is False, but .*penalty depends on mixing .*penalty.*\n.*not set"),
    (
        DirectionsOfTheBatch,
        {NOISE},
        r"encoder_noise\(5\) is torch.float32 of shape \(9, 2\), not .*\n.*the batch shares.*\n.*batch shares them",
    ),
    (GeneratorForgotten, {NOISE}, r"encoder_noise draws from the global generator of torch.*\n.*generator is ignored"),
    (DeviceForgotten, {NOISE}, r"encoder_noise\(5, device='meta'\) is on cpu.*\n.*device is ignored"),
    (NoiseInVain, {"encoder_noise_is_used"}, r"encoder_noise draws noise, but no term depends on it.*\n.*leftover"),
    (
        ReadsTheVariance,
        {WORKS},
        r"accepts a deterministic encoder .*, but the terms raise AssertionError.*\n.*log_variance",
    ),
    (
        ReadsTheDensity,
        {WORKS},
        r"accepts .* a OnlySampled, but the terms raise TypeError.*no density.*\n.*log_variance or log_prob",
    ),
    (RefusesInTwoLines, {WORKS}, r"check refuses a deterministic encoder and .* not with one line"),
    (
        AverageOfParts,
        {"buffers_need_the_whole_batch"},
        r"buffer running depends on the codes, but needs_whole_batch is False.*\n.*several processes",
    ),
    (WrongWay, {CLOSE}, r"are -?[\d.]+ for codes of the prior, but -[\d.]+ for codes far away.*\n.*a sign is wrong"),
    (ExchangedInCritic, {CLOSE}, r"far away after 80 updates of its critic.*\n.*swapped"),
    (SumOverTheBatch, {"samples_are_independent"}, r"mean over its halves.*\n.*the sum over the batch"),
    (
        RefusesOneCode,
        {"shapes_and_dtypes"},
        r"refuses a single sample: one code is not enough.*\n.*does not declare so.*\n.*needs_whole_batch",
    ),
    (Detached, {"the_encoder_learns"}, r"no gradient of regularization reaches the code.*\n.*detached"),
    (
        OfOneDimension,
        {"the_encoder_learns"},
        r"no gradient of regularization reaches dimension 1 of codes.*\n.*some dimensions",
    ),
    (DecoderIgnored, {"the_decoder_learns"}, r"no gradient leaves decoder_slope.*\n.*torch.no_grad"),
    (
        DecoderLeadsToTheEncoder,
        {"the_decoder_learns"},
        r"a gradient of decoder_slope reaches the posterior.*\n.*not detached.*\n.*detach them",
    ),
    (SaysThatItTrainsNoPrior, {LEARNS}, r"trains_prior is False, but a gradient .* reaches the log_deviation, mean of"),
    (
        PriorDetached,
        {LEARNS},
        r"accepts a LearnedNormal.* reaches its log_deviation, mean.*\n.*detached.*\n.*refuse such",
    ),
]


SOUND = [
    *(Moments, Projected, Likelihood, Critic, CriticWithBatchNorm, ConditionalCritic, SoundAverage, SoundOfSeveral),
    FlatDecoder,
]


@pytest.mark.parametrize("sound", SOUND)
def test_a_sound_one_passes_everything(sound: type[Regularizer]) -> None:
    report = check_regularizer(sound, situations=SITUATIONS, required=(CLOSE, "the_encoder_learns"))
    assert not report.failed, str(report)


@pytest.mark.parametrize(("planted", "checks", "told"), PLANTED, ids=[each[0].__name__ for each in PLANTED])
def test_what_is_planted_is_found(
    planted: type[Regularizer], checks: set[str], told: str, report_on: Callable[[str, Any, Situations], Report]
) -> None:
    report = report_on("regularizer", planted, SITUATIONS)
    assert {result.check for result in report.failed} == checks, str(report)
    assert any(re.search(told, str(result)) for result in report.failed), str(report)


class OwnPrior(Prior):
    """A standard normal distribution for which a special regularizer exists."""

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return noise

    def size(self, code: Tensor) -> Tensor:
        return code.float().square().sum(1).mean()


class OfItsOwnPrior(Regularizer):
    needs_prior_code = False

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__()

    def check(self, encoder: Encoder, prior: Prior) -> None:
        if not isinstance(prior, OwnPrior):
            raise ValueError("needs a prior with a size; use --prior own")

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        assert isinstance(prior, OwnPrior)
        return {"regularization": prior.size(posterior.code)}


def test_a_regularizer_that_is_made_for_one_prior_is_tried_with_it() -> None:
    assert check_regularizer(OfItsOwnPrior, situations=SITUATIONS).failed
    situations = Situations(code_dims=(2, 1), classes=(0, 3), examples=2, priors=(OwnPrior,))
    report = check_regularizer(OfItsOwnPrior, situations=situations, required=(CLOSE, "the_encoder_learns"))
    assert not report.failed, str(report)


class Shuffling(Critic):
    """Its critic sees codes whose second half is shuffled by `mixing`; in one dimension, the second half is empty."""

    needs_mixing = True  # type: ignore[assignment]

    def critic_terms(
        self, code: Tensor, prior_code: Tensor, condition: Tensor | None = None, mixing: Tensor | None = None
    ) -> Mapping[str, Tensor]:
        assert mixing is not None
        kept, moved = code.tensor_split(2, dim=1) if code.shape[1] > 1 else (code, code[:, :0])
        shuffled = torch.cat([kept, moved[mixing.argsort()]], dim=1)
        real, fake = self.critic(prior_code).float(), self.critic(shuffled).float()
        return {"critic_real": softplus(-real).mean(), "critic_fake": softplus(fake).mean()}


def test_codes_of_one_dimension_need_not_be_mixed() -> None:
    report = check_regularizer(Shuffling, situations=Situations(code_dims=(2, 1), classes=(0, 3), examples=2))
    assert "mixing_is_used_as_it_says" not in {result.check for result in report.failed}, str(report)


def test_every_check_has_been_seen_to_fail() -> None:
    assert {check.name for check in REGULARIZERS} <= set.union(*(checks for _, checks, _ in PLANTED))
