"""Checks of regularizers: their attributes, and the inputs that they use."""

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
"""Names of a run's own terms."""


def _terms(subject: RegularizerSubject, regularizer: Regularizer, inputs: Inputs) -> dict[str, Tensor]:
    """Returns all terms without gradients, including those of the critic, if any."""
    with torch.no_grad():
        terms = {f"encoder's {name}": term for name, term in subject.encoder_terms(regularizer, inputs).items()}
        if regularizer.has_critic:
            found = subject.critic_terms(regularizer, inputs)
            terms.update({f"critic's {name}": term.detach() for name, term in found.items()})
    return terms


def _differing(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> list[str]:
    return [name for name in first if not torch.equal(first[name], second[name])]


def says_what_it_is(subject: RegularizerSubject) -> None:
    """`has_critic` and `has_terms` are true to its terms, and its terms have unique names."""
    regularizer = subject.component()
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    critics, encoders = subject.critic_terms(regularizer, inputs), subject.encoder_terms(regularizer, inputs)
    decoders = subject.decoder_terms(regularizer, inputs)
    require(
        bool(critics) or not regularizer.has_critic,
        "has_critic is True, but critic_terms is empty: nothing trains its parameters",
        "critic_terms is not implemented",
        "implement critic_terms, or leave has_critic at False",
    )
    require(
        not critics or regularizer.has_critic,
        f"has_critic is False, but critic_terms returns {', '.join(critics)}: it is never called",
        "has_critic is not set",
        "set has_critic = True in the class",
    )
    given = (*critics, *encoders, *decoders)
    require(
        regularizer.has_terms or not given,
        f"has_terms is False, but it has the terms {', '.join(given)}, which phases would leave out",
        "its base class has no terms",
        "set has_terms = True in the class",
    )
    require(
        not regularizer.has_critic or any(True for _ in regularizer.parameters()),
        "has_critic is True, but it has no parameters that critic_terms could train",
        "the critic is not registered as a submodule",
        "assign the critic as an attribute of the module",
    )
    theirs = {id(weight) for other in (*subject.priors, *subject.encoders) for weight in other.parameters()}
    borrowed = [name for name, weight in regularizer.named_parameters() if id(weight) in theirs]
    require(
        not borrowed,
        f"its parameters {', '.join(borrowed)} belong to the encoder or the prior, and would be trained as its own",
        "check() or encoder_terms() keeps the encoder or the prior as an attribute, which makes it a submodule",
        "use the prior that is passed to encoder_terms",
    )
    for name in given:
        require(
            name not in _TAKEN,
            f"a term is named {name!r}, which is the name of one of the run's own terms",
            "a name in use was chosen",
            "choose another name, such as `regularization`",
        )
    both = sorted(critics.keys() & encoders.keys())
    require(
        not both,
        f"the critic's and the encoder's terms have the name {', '.join(both)} in common: the run reports their sum",
        "a name is used twice",
        "choose different names, such as `critic_real` and `critic_fake`, and `regularization` for the encoder",
    )


def prior_codes_are_used_as_it_says(subject: RegularizerSubject) -> None:
    """Terms depend on the prior's codes if and only if `needs_prior_code` is True."""
    regularizer = subject.component()
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    with torch.no_grad():
        codes = subject.codes_of(subject.prior, _CODES, subject.case.seed + 5, inputs.get("condition"))
    given = _terms(subject, regularizer, inputs)
    differing = _differing(given, _terms(subject, regularizer, {**inputs, "prior_code": codes}))
    if regularizer.needs_prior_code:
        require(
            bool(differing),
            "needs_prior_code is True, but no term depends on prior_code",
            "the default is True: the prior is sampled in every step for nothing",
            "set needs_prior_code = False",
        )
        return
    require(
        not differing,
        f"needs_prior_code is False, but the {', '.join(differing)} depends on prior_code, which is empty then",
        "a sum over an empty batch is 0, without an error",
        "leave needs_prior_code True, or compute the term without prior_code",
    )


def conditions_are_used_as_it_says(subject: RegularizerSubject) -> None:
    """Terms depend on the condition if and only if `uses_condition` is True."""
    regularizer = subject.component()
    if not subject.classes:
        raise NotApplicable("there is no condition")
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    others = {**inputs, "condition": inputs["condition"].roll(1, dims=1)}
    differing = _differing(_terms(subject, regularizer, inputs), _terms(subject, regularizer, others))
    require(
        bool(differing) == regularizer.uses_condition,
        f"uses_condition is {regularizer.uses_condition}, but "
        + (f"the {', '.join(differing)} depends on the condition" if differing else "no term depends on the condition"),
    )


def mixing_is_used_as_it_says(subject: RegularizerSubject) -> None:
    """The critic's terms depend on `mixing` if and only if `needs_mixing` is True."""
    regularizer = subject.component()
    if not regularizer.has_critic:
        require(not regularizer.needs_mixing, "needs_mixing is True, but there is no critic")
        raise NotApplicable("it has no critic")
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    code = subject.posterior(inputs).code.detach()
    terms = [
        regularizer.critic_terms(code, inputs["prior_code"], inputs.get("condition"), mixing)
        for mixing in (inputs["mixing"], 1 - inputs["mixing"])
    ]
    differing = _differing(*terms)
    if regularizer.needs_mixing and not differing and subject.code_dim == 1:
        raise NotApplicable("in one dimension, mixing may change nothing")
    require(
        bool(differing) == regularizer.needs_mixing,
        f"needs_mixing is {regularizer.needs_mixing}, but "
        + (f"{', '.join(differing)} depends on mixing" if differing else "no term depends on mixing"),
    )


def works_with_what_it_accepts(subject: RegularizerSubject) -> None:
    """Encoders without a variance and priors without a density work, or `check` refuses them."""
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
                raise Defect(f"check accepts {words}, but the terms raise {text}") from error
            for name, term in terms.items():
                require(bool(term.isfinite().all()), f"check accepts {words}, but then the {name} is {term.tolist()}")
    require(
        accepted > 0,
        f"check refuses all encoders and priors: {'; '.join(dict.fromkeys(reasons))}",
        "its conditions exclude each other, or one is inverted",
        "refuse only encoders and priors that it cannot work with",
    )


def buffers_need_the_whole_batch(subject: RegularizerSubject) -> None:
    """If a buffer depends on the codes, `needs_whole_batch` is True."""
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
    # A run synchronises batch norm, so its buffers always depend on the whole batch.
    dependent = [name for name in _differing(first, second) if name not in normalised]
    require(
        not dependent or regularizer.needs_whole_batch,
        f"the buffer {', '.join(dependent)} depends on the codes, but needs_whole_batch is False",
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
        "needs_prior_code does not match the terms",
        "set needs_prior_code to True if a term uses prior_code, otherwise to False",
    ),
    Check(
        "conditions_are_used_as_it_says",
        conditions_are_used_as_it_says,
        "uses_condition is not set, or the condition is not passed to the critic or to the prior's density",
        "pass the condition on and set uses_condition = True, or do neither",
        required=False,
    ),
    Check(
        "mixing_is_used_as_it_says",
        mixing_is_used_as_it_says,
        "needs_mixing is not set, or mixing is not passed to the penalty",
        "pass mixing on and set needs_mixing = True, or do neither",
        required=False,
    ),
    Check(
        "works_with_what_it_accepts",
        works_with_what_it_accepts,
        "it uses log_variance or log_prob, but `check` does not test whether they exist",
        "let `check` raise a ValueError unless encoder.stochastic, or unless prior.has_density; or do not use them",
    ),
    Check(
        "buffers_need_the_whole_batch",
        buffers_need_the_whole_batch,
        "with several processes, each would compute it from its own part of the batch",
        "set needs_whole_batch = True",
        required=False,
    ),
    *ENCODER_NOISE,
    *OTHER_POSTERIORS,
    *TRAINING,
)
