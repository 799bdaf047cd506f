"""What regularizers say of themselves, and which of their inputs they use."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.interfaces import Regularizer
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.buffers import after_training
from priorkit.testing.checks.encoder_noise import ENCODER_NOISE
from priorkit.testing.checks.other_posteriors import OTHER_POSTERIORS
from priorkit.testing.checks.refusals import refusal
from priorkit.testing.checks.regularizers_training import TRAINING
from priorkit.testing.forward_pass import Inputs
from priorkit.testing.subjects.regularizer import RegularizerSubject

__all__ = ["REGULARIZERS"]

_CODES = 12
_TAKEN = ("reconstruction", "prior")
"""Names of terms that a run has itself."""


def _terms(subject: RegularizerSubject, regularizer: Regularizer, inputs: Inputs) -> dict[str, Tensor]:
    """All terms, the critic's too where there is one; no gradients."""
    with torch.no_grad():
        terms = {f"encoder's {name}": term for name, term in subject.encoder_terms(regularizer, inputs).items()}
        if regularizer.has_critic:
            found = subject.critic_terms(regularizer, inputs)
            terms.update({f"critic's {name}": term.detach() for name, term in found.items()})
    return terms


def _differing(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> list[str]:
    return [name for name in first if not torch.equal(first[name], second[name])]


def says_what_it_is(subject: RegularizerSubject) -> None:
    """Where it has a critic, and only there, `critic_terms` has terms; they have names of their own."""
    regularizer = subject.component()
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    critics, encoders = subject.critic_terms(regularizer, inputs), subject.encoder_terms(regularizer, inputs)
    decoders = subject.decoder_terms(regularizer, inputs)
    require(
        bool(critics) or not regularizer.has_critic,
        "has_critic is True, and critic_terms is empty: nothing trains its parameters",
        "critic_terms is not implemented",
        "implement critic_terms, or leave has_critic at False",
    )
    require(
        not critics or regularizer.has_critic,
        f"has_critic is False, and critic_terms gives {', '.join(critics)}: it is never called",
        "has_critic was left at its default",
        "set has_critic = True in the class",
    )
    given = (*critics, *encoders, *decoders)
    require(
        regularizer.has_terms or not given,
        f"has_terms is False, and it gives {', '.join(given)}: phases would leave them out",
        "the class that it is derived from has none",
        "set has_terms = True in the class",
    )
    require(
        not regularizer.has_critic or any(True for _ in regularizer.parameters()),
        "has_critic is True, and it has no parameters that critic_terms could train",
        "the critic is kept where torch does not look",
        "assign the critic as an attribute of the module",
    )
    theirs = {id(weight) for other in (*subject.priors, *subject.encoders) for weight in other.parameters()}
    borrowed = [name for name, weight in regularizer.named_parameters() if id(weight) in theirs]
    require(
        not borrowed,
        f"its parameters {', '.join(borrowed)} are those of the encoder or the prior: they would be trained as its own",
        "check() or encoder_terms() keeps the encoder or the prior as an attribute, which makes it a submodule",
        "use the prior that encoder_terms is given",
    )
    for name in given:
        require(
            name not in _TAKEN,
            f"a term is called {name!r}, as one of the run's own, whose place it would take",
            "a name was chosen that is taken",
            "call it `regularization`, say",
        )
    both = sorted(critics.keys() & encoders.keys())
    require(
        not both,
        f"the critic's and the encoder's terms have the name {', '.join(both)} in common: the run reports their sum",
        "a name is used twice",
        "call the critic's `critic_real` and `critic_fake`, and the encoder's `regularization`, say",
    )


def prior_codes_are_used_as_it_says(subject: RegularizerSubject) -> None:
    """Terms depend on the prior's codes where `needs_prior_code` is True, and only there."""
    regularizer = subject.component()
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    with torch.no_grad():
        codes = subject.codes_of(subject.prior, _CODES, subject.case.seed + 5, inputs.get("condition"))
    given = _terms(subject, regularizer, inputs)
    differing = _differing(given, _terms(subject, regularizer, {**inputs, "prior_code": codes}))
    if regularizer.needs_prior_code:
        require(
            bool(differing),
            "needs_prior_code is True, and no term depends on prior_code",
            "it was left at its default: the prior is sampled at every step, in vain",
            "set needs_prior_code = False",
        )
        return
    require(
        not differing,
        f"needs_prior_code is False, and the {', '.join(differing)} depends on prior_code, which is empty then",
        "a sum over no codes is 0, and nobody notices",
        "leave needs_prior_code True, or compute the term without them",
    )


def conditions_are_used_as_it_says(subject: RegularizerSubject) -> None:
    """Terms depend on the condition where `uses_condition` is True, and only there."""
    regularizer = subject.component()
    if not subject.classes:
        raise NotApplicable("there is no condition")
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    others = {**inputs, "condition": inputs["condition"].roll(1, dims=1)}
    differing = _differing(_terms(subject, regularizer, inputs), _terms(subject, regularizer, others))
    require(
        bool(differing) == regularizer.uses_condition,
        f"uses_condition is {regularizer.uses_condition}, and "
        + (f"the {', '.join(differing)} depends on it" if differing else "no term depends on it"),
    )


def mixing_is_used_as_it_says(subject: RegularizerSubject) -> None:
    """The critic's terms depend on `mixing` where `needs_mixing` is True, and only there."""
    regularizer = subject.component()
    if not regularizer.has_critic:
        require(not regularizer.needs_mixing, "needs_mixing is True, and there is no critic")
        raise NotApplicable("it has no critic")
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    code = subject.posterior(inputs).code.detach()
    terms = [
        regularizer.critic_terms(code, inputs["prior_code"], inputs.get("condition"), mixing)
        for mixing in (inputs["mixing"], 1 - inputs["mixing"])
    ]
    differing = _differing(*terms)
    if regularizer.needs_mixing and not differing and subject.code_dim == 1:
        raise NotApplicable("codes of one dimension may have nothing to be mixed")
    require(
        bool(differing) == regularizer.needs_mixing,
        f"needs_mixing is {regularizer.needs_mixing}, and "
        + (f"{', '.join(differing)} depends on it" if differing else "no term depends on it"),
    )


def works_with_what_it_accepts(subject: RegularizerSubject) -> None:
    """Encoders without a variance and priors without a density are refused by `check`, or work."""
    regularizer = subject.component()
    accepted = 0
    reasons = []
    for encoder in subject.encoders:
        for prior in subject.priors:
            words = f"a {'stochastic' if encoder.stochastic else 'deterministic'} encoder and a {type(prior).__name__}"
            reason = refusal(lambda: regularizer.check(encoder, prior), words)  # noqa: B023
            if reason is not None:
                reasons.append(reason)
                continue
            accepted += 1
            subject.encoder, subject.prior = encoder, prior
            inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
            try:
                terms = _terms(subject, regularizer, inputs)
            except Exception as error:
                text = " ".join(f"{type(error).__name__}: {error}".split())
                raise Defect(f"check accepts {words}, and then: {text}") from error
            for name, term in terms.items():
                require(bool(term.isfinite().all()), f"check accepts {words}, and then the {name} is {term.tolist()}")
    require(
        accepted > 0,
        f"check refuses all encoders and priors: {'; '.join(dict.fromkeys(reasons))}",
        "its conditions exclude each other, or one is the wrong way round",
        "refuse only what it cannot work with",
    )


def buffers_need_the_whole_batch(subject: RegularizerSubject) -> None:
    """Where a buffer depends on the codes, `needs_whole_batch` is True."""
    regularizer = subject.component()
    if not any(True for _ in regularizer.buffers()):
        raise NotApplicable("it has no buffers")

    def after(seed: int) -> dict[str, Tensor]:
        inputs = subject.inputs(regularizer, _CODES, seed)
        return after_training(regularizer, lambda: [one.outputs(inputs) for one in subject.passes(regularizer)])

    first, second = after(subject.case.seed), after(subject.case.seed + 1)
    normalised = {
        f"{path}.{name}" if path else name
        for path, layer in regularizer.named_modules()
        if isinstance(layer, _BatchNorm)
        for name, _ in layer.named_buffers(recurse=False)
    }
    # Those of batch normalisation are of the whole batch in any case: a run synchronises them.
    dependent = [name for name in _differing(first, second) if name not in normalised]
    require(
        not dependent or regularizer.needs_whole_batch,
        f"the buffer {', '.join(dependent)} depends on the codes, and needs_whole_batch is False",
    )


REGULARIZERS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "the critic is not registered, or critic_terms is missing",
        "see the attributes of priorkit.interfaces.Regularizer",
    ),
    Check(
        "prior_codes_are_used_as_it_says",
        prior_codes_are_used_as_it_says,
        "needs_prior_code does not say what the terms do",
        "set needs_prior_code to whether any term compares codes with prior_code",
    ),
    Check(
        "conditions_are_used_as_it_says",
        conditions_are_used_as_it_says,
        "uses_condition was forgotten, or the condition is not passed on to the critic or to the prior's density",
        "pass it on and set uses_condition = True, or do neither",
        required=False,
    ),
    Check(
        "mixing_is_used_as_it_says",
        mixing_is_used_as_it_says,
        "needs_mixing was forgotten, or mixing is not passed on to the penalty",
        "pass it on and set needs_mixing = True, or do neither",
        required=False,
    ),
    Check(
        "works_with_what_it_accepts",
        works_with_what_it_accepts,
        "it reads log_variance, or calls log_prob, and `check` does not ask whether there is such a thing",
        "let `check` raise a ValueError unless encoder.stochastic, or unless prior.has_density; or do without",
    ),
    Check(
        "buffers_need_the_whole_batch",
        buffers_need_the_whole_batch,
        "several processes would each keep what depends on their own part of the batch",
        "set needs_whole_batch = True",
        required=False,
    ),
    *ENCODER_NOISE,
    *OTHER_POSTERIORS,
    *TRAINING,
)
