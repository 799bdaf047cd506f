"""Regularizers to check."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from priorkit.interfaces import Encoder, ImageShape, Posterior, Prior, Regularizer
from priorkit.plugins import Options, RegularizerContext
from priorkit.testing.case import Case
from priorkit.testing.check import Refused
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.global_generator import seeded
from priorkit.testing.stand_in_critics import SmallAdversarialLoss
from priorkit.testing.stand_in_networks import SmallNetworks
from priorkit.testing.stand_in_priors import DeterministicEncoder, LearnedNormal, OnlySampled, StandardNormal
from priorkit.testing.stand_ins import SmallEncoder, one_hot
from priorkit.testing.subject import Subject

__all__ = ["RegularizerSubject", "regularizer_subjects"]

_SHAPE = ImageShape(1, 16)


class RegularizerSubject(Subject[Regularizer]):
    """A regularizer for codes of given dimensions, with or without classes.

    The regularizer is checked with the first encoder and prior that it accepts.

    Args:
        case: The component with its options.
        code_dim: Dimensions of a code.
        classes: Number of classes; 0 for no condition.
        penalised: Whether the adversarial loss has a penalty.
    """

    interface = Regularizer
    may_drop_out = True
    computed = ("mean", "log_variance", "prior_code")

    def __init__(self, case: Case, code_dim: int, classes: int, penalised: bool = False) -> None:
        variant = f" and {classes} classes" if classes else ""
        variant += " and an adversarial loss with a penalty" if penalised else ""
        super().__init__(case, f"code_dim {code_dim}{variant}", variant)
        self.code_dim = code_dim
        self.classes = classes
        self.penalised = penalised
        with seeded(case.seed):
            self.encoders: tuple[Encoder, ...] = (
                SmallEncoder(code_dim, _SHAPE).eval(),
                DeterministicEncoder(code_dim, _SHAPE),
            )
            given = tuple(make(code_dim) for make in case.situations.priors)
        # With classes, priors with a condition come first, so that terms can depend on it.
        self.priors: tuple[Prior, ...] = (
            *given,
            StandardNormal(code_dim, classes),
            *([StandardNormal(code_dim)] if classes else []),
            OnlySampled(code_dim),
            LearnedNormal(code_dim),
        )
        self.encoder: Encoder = self.encoders[0]
        self.prior: Prior = self.priors[0]
        with seeded(case.seed):
            self.decoder = SmallNetworks(_SHAPE).decoder(code_dim).eval()
        self.companions = (*self.priors, self.decoder)

    def context(self) -> RegularizerContext:
        """Returns small networks, and the dimensions of codes and conditions."""
        return RegularizerContext(
            SmallNetworks(_SHAPE),
            self.code_dim,
            SmallAdversarialLoss(self.penalised),
            condition_dim=self.classes,
            train_count=100,
        )

    def built(self, seed: int = 0, options: Options | None = None) -> Regularizer:
        """Returns a new regularizer, and sets `encoder` and `prior` to the first ones that it accepts."""
        regularizer = super().built(seed, options)
        reasons = []
        for encoder in self.encoders:
            for prior in self.priors:
                try:
                    regularizer.check(encoder, prior)
                except ValueError as error:
                    reasons.append(" ".join(str(error).split()))
                    continue
                except Exception:
                    # Another check reports errors of `check`.
                    return regularizer
                self.encoder, self.prior = encoder, prior
                return regularizer
        raise Refused(f"with {self.situation} it refuses all encoders and priors: {'; '.join(dict.fromkeys(reasons))}")

    def component(self, seed: int = 0) -> Regularizer:
        """Returns a new regularizer as for all components, with buffers as after a few steps."""
        regularizer = super().component(seed)
        if any(True for _ in regularizer.buffers()):
            regularizer.train()
            for step in range(3 + seed):
                inputs = self.inputs(regularizer, 8, step)
                for one in self.passes(regularizer):
                    one.outputs(inputs)
            regularizer.eval()
        return regularizer

    def codes_of(self, prior: Prior, n: int, seed: int, condition: Tensor | None) -> Tensor:
        """Returns codes of a prior (n, code_dim), with gradients for its parameters."""
        noise = prior.noise(n, generator=torch.Generator().manual_seed(seed))
        codes: Tensor = prior(noise, condition) if prior.takes_condition else prior(noise)
        return codes

    def posterior(self, inputs: Inputs) -> Posterior:
        """Returns the posterior, with a variance if the encoder is stochastic."""
        if not self.encoder.stochastic:
            return Posterior(inputs["mean"], inputs["mean"])
        code = inputs["mean"] + torch.exp(inputs["log_variance"] / 2) * inputs["noise"]
        return Posterior(code, inputs["mean"], inputs["log_variance"])

    def critic_terms(self, regularizer: Regularizer, inputs: Inputs) -> Mapping[str, Tensor]:
        """Returns the critic's terms, with gradients: a penalty may need them for its value."""
        code = self.posterior(inputs).code.detach()
        mixing = inputs["mixing"] if regularizer.needs_mixing else None
        with torch.enable_grad():
            return regularizer.critic_terms(code, inputs["prior_code"].detach(), inputs.get("condition"), mixing)

    def encoder_terms(self, regularizer: Regularizer, inputs: Inputs) -> Mapping[str, Tensor]:
        """Returns the encoder's terms."""
        return regularizer.encoder_terms(
            self.posterior(inputs),
            self.prior,
            inputs["prior_code"],
            inputs.get("condition"),
            inputs["encoder_noise"],
        )

    def decoder_terms(self, regularizer: Regularizer, inputs: Inputs) -> Mapping[str, Tensor]:
        """Returns the decoder's terms."""
        return regularizer.decoder_terms(self.decoder, self.posterior(inputs), inputs["encoder_noise"])

    def passes(self, component: Regularizer) -> Sequence[ForwardPass]:
        """Returns the terms of the encoder, and those of the critic and the decoder, if any."""
        whole = component.needs_whole_batch
        passes = [
            ForwardPass(
                "encoder_terms",
                lambda inputs: self.encoder_terms(component, inputs),
                lambda n: (),
                mean=True,
                whole_batch=whole,
                float32=True,
            )
        ]
        if component.has_critic:
            passes.insert(
                0,
                ForwardPass(
                    "critic_terms",
                    lambda inputs: self.critic_terms(component, inputs),
                    lambda n: (),
                    mean=True,
                    whole_batch=whole,
                    trains=True,
                    float32=True,
                ),
            )
        if type(component).decoder_terms is not Regularizer.decoder_terms:
            passes.append(
                ForwardPass(
                    "decoder_terms",
                    lambda inputs: self.decoder_terms(component, inputs),
                    lambda n: (),
                    mean=True,
                    whole_batch=whole,
                    float32=True,
                )
            )
        return passes

    def inputs(self, component: Regularizer, n: int, seed: int) -> Inputs:
        """Returns the parts of a posterior (`mean`, `log_variance`, `noise`), and the other arguments of the terms."""
        mean, log_variance, noise = torch.randn(3, n, self.code_dim, generator=torch.Generator().manual_seed(seed))
        condition = one_hot(n, self.classes) if self.classes else None
        with torch.no_grad():
            prior_code = self.codes_of(self.prior, n, seed ^ 1, condition)
        return {
            "mean": 1 + mean,
            "log_variance": 0.3 * log_variance - 1,
            "noise": noise,
            "prior_code": prior_code if component.needs_prior_code else torch.zeros(0, self.code_dim),
            "mixing": torch.rand(n, generator=torch.Generator().manual_seed(seed)),
            "encoder_noise": component.encoder_noise(n, generator=torch.Generator().manual_seed(seed ^ 2)),
            **({} if condition is None else {"condition": condition}),
        }

    def extreme_inputs(self, component: Regularizer) -> Sequence[tuple[str, Inputs]]:
        """Returns collapsed codes, codes far away, and posteriors that are very narrow or wide."""
        inputs = self.inputs(component, 16, self.case.seed)
        nothing = torch.zeros(16, self.code_dim)
        return [
            ("codes that are all the same", {**inputs, "mean": nothing, "noise": nothing}),
            ("codes far away", {**inputs, "mean": 1e3 * inputs["mean"]}),
            ("narrow posteriors", {**inputs, "log_variance": nothing - 30}),
            ("wide posteriors", {**inputs, "log_variance": nothing + 10}),
        ]


def regularizer_subjects(case: Case) -> Iterator[RegularizerSubject]:
    """Yields a regularizer for all dimensions of codes, all numbers of classes, and with a penalty."""
    code_dims, classes = case.situations.code_dims, case.situations.classes
    for code_dim in code_dims:
        yield RegularizerSubject(case, code_dim, classes[0])
    for number in classes[1:]:
        yield RegularizerSubject(case, code_dims[0], number)
    yield RegularizerSubject(case, code_dims[0], 0, penalised=True)
