"""Checks of a regularizer's gradients, and of the direction in which it moves codes."""

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Posterior, Regularizer
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.subjects.regularizer import RegularizerSubject

__all__ = ["TRAINING"]

_CODES = 128
_STEPS = 80
"""Updates of the critic before its terms are compared."""
_FAR = 5.0
"""Minimal distance of far codes from the prior's codes, in standard deviations."""


def _posterior(subject: RegularizerSubject, codes: Tensor) -> Posterior:
    """Returns posteriors around codes, with a small variance if the encoder is stochastic."""
    if not subject.encoder.stochastic:
        return Posterior(codes, codes)
    noise = torch.randn(codes.shape, generator=torch.Generator().manual_seed(subject.case.seed + 7))
    return Posterior(codes + 0.1 * noise, codes, torch.full_like(codes, 2 * torch.tensor(0.1).log().item()))


def _prior_code(subject: RegularizerSubject, regularizer: Regularizer, seed: int, condition: Tensor | None) -> Tensor:
    if not regularizer.needs_prior_code:
        return torch.zeros(0, subject.code_dim)
    return subject.codes_of(subject.prior, _CODES, seed, condition)


def _train_critic(subject: RegularizerSubject, regularizer: Regularizer, far: Tensor, condition: Tensor | None) -> None:
    regularizer.train()
    optimizer = torch.optim.Adam(regularizer.parameters(), lr=0.01)
    for step in range(_STEPS):
        with torch.no_grad():
            prior_code = _prior_code(subject, regularizer, subject.case.seed + 100 + step, condition)
        generator = torch.Generator().manual_seed(subject.case.seed + step)
        mixing = torch.rand(_CODES, generator=generator) if regularizer.needs_mixing else None
        optimizer.zero_grad()
        terms = regularizer.critic_terms(far, prior_code, condition, mixing)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    regularizer.eval()


def keeps_codes_close_to_the_prior(subject: RegularizerSubject) -> None:
    """The encoder's terms are lower for codes that follow the prior than for codes far away."""
    regularizer = subject.component()
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    condition = inputs.get("condition")
    with torch.no_grad():
        near = subject.codes_of(subject.prior, _CODES, subject.case.seed + 1, condition)
        prior_code = _prior_code(subject, regularizer, subject.case.seed + 2, condition)
    far = _FAR + 3 * near
    noise = regularizer.encoder_noise(_CODES, generator=torch.Generator().manual_seed(subject.case.seed + 3))
    if regularizer.has_critic:
        _train_critic(subject, regularizer, far, condition)
    sums = []
    for codes in (near, far):
        with torch.no_grad():
            terms = regularizer.encoder_terms(_posterior(subject, codes), subject.prior, prior_code, condition, noise)
        if not terms:
            raise NotApplicable("it has no terms for the encoder")
        sums.append(float(torch.stack(list(terms.values())).sum()))
    trained = f" after {_STEPS} updates of its critic" if regularizer.has_critic else ""
    require(
        sums[0] < sums[1],
        f"the encoder's terms are {sums[0]:.4g} for codes of the prior, but {sums[1]:.4g} for codes far away{trained}",
    )


def the_encoder_learns(subject: RegularizerSubject) -> None:
    """Gradients of the encoder's terms reach each dimension of the code, the mean or the log-variance."""
    regularizer = subject.component()
    regularizer.train()
    inputs = subject.inputs(regularizer, 16, subject.case.seed)
    drawn = subject.posterior(inputs)
    # Separate leaves: otherwise gradients of the code would also reach the mean.
    posterior = Posterior(
        drawn.code.clone().requires_grad_(),
        drawn.mean.clone().requires_grad_(),
        None if drawn.log_variance is None else drawn.log_variance.clone().requires_grad_(),
    )
    others = (inputs["prior_code"], inputs.get("condition"), inputs["encoder_noise"])
    terms = regularizer.encoder_terms(posterior, subject.prior, *others)
    if not terms:
        raise NotApplicable("it has no terms for the encoder")
    total = torch.stack(list(terms.values())).sum()
    require(total.requires_grad, f"no gradient leaves {', '.join(terms)}")
    leaves = [leaf for leaf in (posterior.code, posterior.mean, posterior.log_variance) if leaf is not None]
    gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    require(
        any(gradient is not None and bool(gradient.any()) for gradient in gradients),
        f"no gradient of {', '.join(terms)} reaches the code, the mean or the log-variance",
    )
    moved = torch.stack([gradient.detach().abs().sum(0) for gradient in gradients if gradient is not None]).sum(0)
    still = (moved == 0).nonzero().flatten().tolist()
    require(
        not still,
        f"no gradient of {', '.join(terms)} reaches dimension {', '.join(map(str, still))} of codes",
        "the terms are computed from some dimensions of the codes alone",
        "compute them from all dimensions: the others would not follow the prior",
    )


def the_decoder_learns(subject: RegularizerSubject) -> None:
    """Gradients of the decoder's terms reach the decoder, and not the encoder's codes."""
    regularizer = subject.component()
    regularizer.train()
    inputs = subject.inputs(regularizer, 16, subject.case.seed)
    drawn = subject.posterior(inputs)
    posterior = Posterior(
        drawn.code.clone().requires_grad_(),
        drawn.mean.clone().requires_grad_(),
        None if drawn.log_variance is None else drawn.log_variance.clone().requires_grad_(),
    )
    terms = regularizer.decoder_terms(subject.decoder, posterior, inputs["encoder_noise"])
    if not terms:
        raise NotApplicable("it has no terms for the decoder")
    total = torch.stack(list(terms.values())).sum()
    require(total.requires_grad, f"no gradient leaves {', '.join(terms)}")
    weights = list(subject.decoder.parameters())
    leaves = [leaf for leaf in (posterior.code, posterior.mean, posterior.log_variance) if leaf is not None]
    gradients = torch.autograd.grad(total, [*weights, *leaves], allow_unused=True)
    require(
        any(gradient is not None and bool(gradient.any()) for gradient in gradients[: len(weights)]),
        f"no gradient of {', '.join(terms)} reaches the decoder",
    )
    require(
        all(gradient is None for gradient in gradients[len(weights) :]),
        f"a gradient of {', '.join(terms)} reaches the posterior, and through it the encoder",
        "the posterior's tensors are not detached",
        "detach them; terms for the encoder belong in encoder_terms",
    )


def a_prior_that_learns_by_likelihood_learns(subject: RegularizerSubject) -> None:
    """Gradients of the encoder's terms reach a prior that learns by likelihood, unless `check` refuses it."""
    regularizer = subject.component()
    learned = next(prior for prior in subject.priors if prior.learning is Learning.LIKELIHOOD)
    try:
        regularizer.check(subject.encoder, learned)
    except ValueError as error:
        raise NotApplicable(f"it refuses priors that learn by likelihood: {' '.join(str(error).split())}") from error
    regularizer.train()
    inputs = subject.inputs(regularizer, 16, subject.case.seed)
    # As in a run, the codes of such a prior are not detached.
    prior_code = subject.codes_of(learned, 16, subject.case.seed, None)
    posterior = subject.posterior(inputs)
    others = (inputs.get("condition"), inputs["encoder_noise"])
    terms = regularizer.encoder_terms(
        posterior, learned, prior_code if regularizer.needs_prior_code else prior_code[:0], *others
    )
    weights = dict(learned.named_parameters())
    total = torch.stack(list(terms.values())).sum() if terms else None
    missed = sorted(weights)
    if total is not None and total.requires_grad:
        gradients = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
        missed = [
            name
            for name, gradient in zip(weights, gradients, strict=True)
            if gradient is None or not bool(gradient.any())
        ]
    if not regularizer.trains_prior:
        reached = sorted(weights.keys() - set(missed))
        require(
            not reached,
            f"trains_prior is False, but a gradient of the encoder's terms reaches the {', '.join(reached)} of a "
            f"{type(learned).__name__}",
            "trains_prior = False was set although terms use the prior's density or codes",
            "leave trains_prior True, or detach the prior's density and codes in the terms",
        )
        raise NotApplicable("it declares that it trains no prior (trains_prior is False)")
    require(
        not missed,
        f"check accepts a {type(learned).__name__}, which learns by likelihood, but no gradient of the encoder's terms "
        f"reaches its {', '.join(missed)}",
    )


TRAINING = (
    Check(
        "keeps_codes_close_to_the_prior",
        keeps_codes_close_to_the_prior,
        "a sign is wrong, or codes of data and prior are swapped in the terms of encoder or critic",
        "let the encoder's terms, which are minimised, grow with the distance of codes from the prior's; for the "
        "critic, the prior's codes are the real ones",
        required=False,
    ),
    Check(
        "the_encoder_learns",
        the_encoder_learns,
        "the code is detached, or the terms are computed from prior_code alone",
        "compute the terms from the posterior's tensors, without detaching them",
        required=False,
    ),
    Check(
        "the_decoder_learns",
        the_decoder_learns,
        "the terms are computed from the posterior alone, or inside torch.no_grad()",
        "compute the terms from the given decoder or its parameters",
        required=False,
    ),
    Check(
        "a_prior_that_learns_by_likelihood_learns",
        a_prior_that_learns_by_likelihood_learns,
        "the prior's density or codes are detached, or not used in the terms",
        "let gradients pass to prior.log_prob and prior_code; otherwise refuse such priors in `check`",
        required=False,
    ),
)
