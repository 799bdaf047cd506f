"""The prior improvement phase: trains the prior to make images look real, with a fixed encoder."""

from collections.abc import Iterator
from contextlib import nullcontext
from enum import Enum

import torch
from torch import Tensor

from priorkit.interfaces import Comparison, Learning, Move, Noise, Phase, Recovery, System, frozen_statistics

__all__ = ["PriorImprovementPhase", "Turns"]


class Turns(Enum):
    """The players that move in a prior improvement phase."""

    BOTH = "both"
    CRITIC = "image_critic"
    GENERATOR = "generator"


class PriorImprovementPhase(Phase):
    """Trains the image discriminator, then the generator: the code generator and, by default, the decoder.

    The second phase of Algorithm 1 of Wang et al. 2020. D_I ascends L_I (Eq. 4); then CG and dec train against the
    updated D_I. The printed algorithm omits CG's update, which Section 3 states and this phase includes; training the
    decoder here is the paper's footnote 2 (ablation C). L_I's third term, reconstructions as fakes, is in Algorithm 1
    but not in Eq. 4.

    If the run has a condition s, images are made from s, and a classifier Q on D_I's trunk recovers it: Q and the trunk
    descend L_MI (Eq. 7) in D_I's move, CG and dec in theirs. A Q that learns without labels uses real images and
    changed copies of them instead. If the condition asks for interpolated s, some images are made from mixed s, and D_I
    receives the mixed s with them (Reed et al. 2016, arXiv:1605.05396, Section 4.3).

    Without an encoder, this phase alone is a GAN.

    Args:
        system: The components; it must have an image critic.
        trains_decoder: Whether the decoder is trained against D_I, too.
        reconstructions_as_fakes: Whether D_I also sees reconstructions as fakes.
        balance_fakes: Whether each of two kinds of fakes then has weight 1/2, for D_I and for the generator.
        turns: The players that move.
        every: The phase takes part once every `every` steps.
    """

    def __init__(
        self,
        system: System,
        *,
        trains_decoder: bool = True,
        reconstructions_as_fakes: bool = False,
        balance_fakes: bool = False,
        turns: Turns = Turns.BOTH,
        every: int = 1,
    ) -> None:
        assert system.image_critic is not None, "the prior improvement phase needs an image critic"
        self.name = "image_critic" if turns is Turns.CRITIC else "prior_improvement"
        self.every = every
        self.system = system
        self.critic = system.image_critic
        moves_generator = turns is not Turns.CRITIC
        self.trains_decoder = trains_decoder and moves_generator
        adversarial = system.prior.learning is Learning.ADVERSARIAL
        self.trains_prior = (adversarial or system.prior.improvement > 0) and moves_generator
        self.gradient_scale = {} if adversarial or not self.trains_prior else {"prior": system.prior.improvement}
        self.reconstructions_as_fakes = reconstructions_as_fakes
        self.fake_weight = 0.5 if reconstructions_as_fakes and balance_fakes else 1.0
        # The generator's loss includes reconstructions only if the decoder is trained.
        self.fooling_weight = self.fake_weight if self.trains_decoder else 1.0
        self.players = {}
        if turns is not Turns.GENERATOR:
            self.players["image_critic"] = ("image_critic",) + ("recogniser",) * (system.recogniser is not None)
        generator = ("prior",) * self.trains_prior + ("decoder",) * self.trains_decoder
        if generator:
            self.players["generator"] = generator

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`prior`; also `posterior`, `condition`, `mixing` and `changes`, if they are needed and random."""
        system, condition = self.system, self.system.condition
        noise = {"prior": system.prior.noise(n, generator=generator, device=device)}
        if self.reconstructions_as_fakes and system.encoder is not None and system.encoder.stochastic:
            noise["posterior"] = torch.randn(n, system.encoder.code_dim, generator=generator, device=device)
        if condition is not None and not condition.from_data:
            noise["condition"] = condition.draw(n, generator=generator, device=device)
        if system.adversarial_loss.has_penalty:
            noise["mixing"] = torch.rand(n, generator=generator, device=device)
        if condition is not None and self._recovery is Recovery.SELF_LABELLED and "image_critic" in self.players:
            noise["changes"] = condition.change_noise(n, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """The image critic's move and the generator's."""
        fakes = {"fake": self._generated(noise)}
        if self.reconstructions_as_fakes:
            fakes["reconstructed"] = self._reconstructed(images, noise.get("posterior"))
        if "image_critic" in self.players:
            yield Move("image_critic", self._critic_terms(images, fakes, noise))
        if "generator" in self.players:
            networks = (self.critic, self.system.recogniser)
            with frozen_statistics(*(network for network in networks if network is not None)):
                terms = self._generator_terms(images, fakes, noise)
            yield Move("generator", terms, self.gradient_scale)

    def _critic_terms(self, images: Tensor, fakes: dict[str, Tensor], noise: Noise) -> dict[str, Tensor]:
        adversarial_loss, recovery = self.system.adversarial_loss, self._recovery
        shown, mismatched = self._shown(noise.get("condition")), noise.get("mismatched")
        # Real and generated images go through D_I apart: batch norm must not mix their statistics.
        recover = recovery in (Recovery.REAL, Recovery.BOTH, Recovery.SELF_LABELLED)
        if mismatched is None:
            logits, recovered = self._judge(images, shown, recover=recover)
        else:
            features = self.critic.features(images)
            logits, recovered = self._judge_features(features, shown, recover=recover)
        real = logits
        terms = {"critic_real": adversarial_loss.real(real)} if self._judges_alone else {}
        if recovered is not None and recovery is Recovery.SELF_LABELLED:
            terms.update(self._self_labelling_terms(images, recovered, noise["changes"]))
        else:
            terms.update(self._recovery_term("real", recovered, noise.get("condition")))
        if mismatched is not None:
            self._add_fake(terms, "mismatched", self.critic.score(features, mismatched), real, weight=0.5)
        for name, fake in fakes.items():
            recover = name == "fake" and recovery in (Recovery.GENERATED, Recovery.BOTH)
            made_from = self._made_from(name, noise)
            logits, recovered = self._judge(fake.detach(), self._shown(made_from), recover=recover)
            # Mismatched pairs and generated images together have the weight of one kind of fakes (Reed et al. 2016).
            weight = 0.5 if name == "fake" and mismatched is not None else 1.0
            self._add_fake(terms, name, logits, real, weight=self.fake_weight * weight)
            terms.update(self._recovery_term(name, recovered, made_from))
        if adversarial_loss.has_penalty:
            with frozen_statistics(self.critic):
                terms["critic_penalty"] = adversarial_loss.penalty(
                    lambda mixed: self.critic(mixed, shown), images, fakes["fake"].detach(), noise["mixing"]
                )
        return terms

    @property
    def _judges_alone(self) -> bool:
        """Whether the loss takes logits of real and generated images separately, not relative to each other."""
        return self.system.adversarial_loss.comparison is Comparison.ALONE

    def _add_fake(self, terms: dict[str, Tensor], name: str, logits: Tensor, real: Tensor, *, weight: float) -> None:
        """Adds D_I's loss on one kind of fakes, and on real images, if the loss compares both."""
        loss = self.system.adversarial_loss
        terms[f"critic_{name}"] = weight * loss.fake(loss.compared(logits, real))
        if not self._judges_alone:
            share = weight * loss.real(loss.compared(real, logits))
            terms["critic_real"] = terms["critic_real"] + share if "critic_real" in terms else share

    def _generator_terms(self, images: Tensor, fakes: dict[str, Tensor], noise: Noise) -> dict[str, Tensor]:
        condition = self.system.condition
        with torch.no_grad():
            real = None if self._judges_alone else self.critic(images, self._shown(noise.get("condition")))
        terms = {}
        for name, fake in fakes.items():
            if not fake.requires_grad:
                continue
            recover = name == "fake" and self._recovery is not Recovery.NONE
            made_from = self._made_from(name, noise)
            logits, recovered = self._judge(fake, self._shown(made_from), recover=recover)
            loss = self.system.adversarial_loss
            fooled = loss.generator(logits) if real is None else loss.generator_compared(logits, real)
            terms[f"generator_{name}"] = self.fooling_weight * fooled
            if recovered is not None and condition is not None and condition.recovery_weight > 0:
                assert made_from is not None, "Q recovers a condition, which must be given"
                information = condition.recovery_loss(recovered, made_from)
                terms["mutual_information"] = condition.recovery_weight * information
        conditioning = self.system.condition_loss(self._made_from("fake", noise)) if self.trains_prior else None
        if conditioning is not None:
            terms["conditioning"] = conditioning
        return terms

    @property
    def _recovery(self) -> Recovery:
        return self.system.condition.recovery if self.system.condition is not None else Recovery.NONE

    def _made_from(self, name: str, noise: Noise) -> Tensor | None:
        """The s of a kind of fakes: generated images may have a mixed s, reconstructions have that of their image."""
        own = noise.get("condition")
        return noise.get("interpolated", own) if name == "fake" else own

    def _shown(self, condition: Tensor | None) -> Tensor | None:
        """The condition that D_I sees with an image of this s."""
        seen = self.system.condition is not None and self.system.condition.seen_by_image_critic
        return condition if seen else None

    def _judge(self, images: Tensor, shown: Tensor | None, *, recover: bool) -> tuple[Tensor, Tensor | None]:
        """D_I's logits and, if requested, Q's output; the trunk is computed once."""
        if not recover:
            return self.critic(images, shown), None
        return self._judge_features(self.critic.features(images), shown, recover=recover)

    def _judge_features(self, features: Tensor, shown: Tensor | None, *, recover: bool) -> tuple[Tensor, Tensor | None]:
        logits = self.critic.score(features, shown)
        if not recover:
            return logits, None
        assert self.system.recogniser is not None, "a run with a recovered condition has a classifier Q"
        return logits, self.system.recogniser(features)

    def _recovery_term(self, name: str, recovered: Tensor | None, condition: Tensor | None) -> dict[str, Tensor]:
        if recovered is None:
            return {}
        assert self.system.condition is not None, "only a condition can be recovered"
        assert condition is not None, "Q recovers a condition, which must be given"
        return {f"recovery_{name}": self.system.condition.recovery_loss(recovered, condition)}

    def _self_labelling_terms(self, images: Tensor, recovered: Tensor, changes: Tensor) -> dict[str, Tensor]:
        condition, recogniser = self.system.condition, self.system.recogniser
        assert condition is not None, "a classifier Q belongs to a condition"
        assert recogniser is not None, "a run with a recovered condition has a classifier Q"
        # Q is used on unchanged images, so changed ones must not enter its running statistics.
        with frozen_statistics(self.critic, recogniser):
            changed = recogniser(self.critic.features(condition.changed(images, changes)))
        return condition.self_labelling_terms(recovered, changed)

    def _generated(self, noise: Noise) -> Tensor:
        with (
            nullcontext() if self.trains_prior else frozen_statistics(self.system.prior),
            nullcontext() if self.trains_decoder else frozen_statistics(self.system.decoder),
            torch.set_grad_enabled("generator" in self.players),
        ):
            return self.system.decode(self.system.prior_codes(noise["prior"], self._made_from("fake", noise)))

    def _reconstructed(self, images: Tensor, noise: Tensor | None) -> Tensor:
        encoder = self.system.encoder
        assert encoder is not None, "reconstructions need an encoder"
        # The decoder has seen these codes in the AAE phase: its running statistics should not see them twice.
        with frozen_statistics(encoder, self.system.decoder):
            with torch.no_grad():
                code = encoder(images, noise).code
            with torch.set_grad_enabled(self.trains_decoder):
                reconstruction: Tensor = self.system.decoder(code)
                return reconstruction
