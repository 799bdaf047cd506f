"""Checks of priors: their attributes, their noise, and the codes made from it."""

from collections.abc import Callable

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Prior
from priorkit.testing.absent_devices import META
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.devices import told_of_devices
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.global_generator import seeded
from priorkit.testing.strategies import sizes_and_seeds
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["PRIORS"]

_REPEATS = 256
"""Number of trials of each condition."""
_MANY = 64
"""Number of samples that are not all equal by chance, even with few possible values."""


def says_what_it_is(subject: PriorSubject) -> None:
    """Its attributes are true: code_dim, learning, has_density, takes_condition and clusters."""
    prior = subject.component()
    require(
        prior.code_dim == subject.code_dim,
        f"code_dim is {prior.code_dim}, but it was built for {subject.code_dim}",
        fix="set self.code_dim = context.code_dim",
    )
    learns = any(weight.requires_grad for weight in prior.parameters())
    require(
        learns == (prior.learning not in (Learning.FIXED, Learning.ALL_CODES)),
        f"learning is {prior.learning.name}, but it has {'' if learns else 'no '}parameters to train",
        fix="set Learning.LIKELIHOOD, ADVERSARIAL, CODES or PHASES if it learns; register constants as buffers",
    )
    encoder = {id(weight) for companion in subject.companions for weight in companion.parameters()}
    require(
        not any(id(weight) in encoder for weight in prior.parameters()),
        "the run's encoder is among its submodules, and would be trained and saved twice",
        fix="hide the encoder from torch: keep it in a tuple or a function",
    )
    require(
        not prior.takes_condition or subject.condition_dim > 0,
        "takes_condition is True although there is no condition",
        fix="set self.takes_condition = context.condition_dim > 0",
    )
    inputs = subject.inputs(prior, 2, subject.case.seed)
    condition = subject.condition(prior, inputs)
    require(
        prior.has_density == _answers(prior.log_prob, inputs["code"], *([] if condition is None else [condition])),
        f"has_density is {prior.has_density}, but log_prob {'has no value' if prior.has_density else 'has a value'}",
        fix="set has_density = True and implement log_prob, or do neither",
    )
    require(
        bool(prior.clusters) == _answers(prior.responsibilities, inputs["code"]),
        f"clusters is {prior.clusters}, but responsibilities {'has no value' if prior.clusters else 'has a value'}",
        fix="set self.clusters to the number of components and implement responsibilities, or do neither",
    )


def _answers(method: Callable[..., Tensor], *arguments: Tensor) -> bool:
    """Returns whether a method of a prior is available; if not, it raises TypeError."""
    try:
        with torch.no_grad():
            method(*arguments)
    except TypeError:
        return False
    return True


def noise_comes_from_the_generator(subject: PriorSubject) -> None:
    """`noise` draws from the given generator alone: the same seed gives the same noise, another seed other noise."""
    prior = subject.component()

    for n, seed in sizes_and_seeds(subject.examples, subject.case.seed):
        with global_state_kept("noise"):
            noise, again = (prior.noise(n, generator=torch.Generator().manual_seed(seed)) for _ in range(2))
        require(
            noise.shape[0] == n and noise.dtype == torch.float32,
            f"noise({n}) is {noise.dtype} of shape {tuple(noise.shape)}, not float32 of shape ({n}, ...)",
            "its first dimension is not the number of samples, or its dtype is float64 or an integer type",
            "draw float32 noise of shape (n, ...)",
        )
        require(torch.equal(noise, again), "the same generator gives different noise the second time")
    many = [prior.noise(_MANY, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    require(not torch.equal(*many), "another seed gives the same noise")
    with seeded(subject.case.seed):
        first, second = prior.noise(_MANY), prior.noise(_MANY)
    require(
        not torch.equal(first, second),
        "without a generator it draws the same noise each time",
        "it seeds a generator itself",
        "pass `generator=generator` on, None included",
    )


def noise_is_made_on_the_device(subject: PriorSubject) -> None:
    """`noise` is made on the requested device."""
    prior = subject.component().to(META)
    try:
        noise = prior.noise(4, device=META)
    except Exception as error:
        told_of_devices("noise", error)
    require(noise.is_meta, f"noise(4, device={str(META)!r}) is on {noise.device}")


def noise_decides_the_codes(subject: PriorSubject) -> None:
    """Codes are a function of the noise, also in training mode; other noise gives other codes; `sample` agrees."""
    prior = subject.component()
    seed = subject.case.seed
    # Enough samples that discrete codes are not all equal by chance.
    inputs, other = subject.inputs(prior, _MANY, seed), subject.inputs(prior, _MANY, seed + 1)
    condition = subject.condition(prior, inputs)
    with torch.no_grad():
        for training in (False, True):
            prior.train(training)
            with global_state_kept("forward"):
                first, second = (subject.codes(prior, inputs["noise"], condition) for _ in range(2))
            mode = "training" if training else "evaluation"
            require(torch.equal(first, second), f"in {mode} mode the same noise gives different codes the second time")
        prior.eval()
        require(
            not torch.equal(first, subject.codes(prior, other["noise"], condition)),
            "other noise gives the same codes",
            "the noise is not used",
            "compute the codes from the noise",
        )
        sampled = prior.sample(_MANY, condition=condition, generator=torch.Generator().manual_seed(seed))
        require(
            torch.equal(sampled, subject.codes(prior, inputs["noise"], condition)),
            "sample() gives other codes than forward(noise()) with the same generator",
            "sample is overridden",
            "leave sample as it is: it calls noise and forward",
        )


def labels_change_codes(subject: PriorSubject) -> None:
    """Another condition gives other codes and another density, if the prior takes a condition."""
    prior = subject.component()
    if not prior.takes_condition:
        raise NotApplicable("it takes no condition")
    # Indices, and codes picked from candidates, may be equal by chance.
    n = _REPEATS * subject.condition_dim
    noise = prior.noise(n, generator=torch.Generator().manual_seed(subject.case.seed))
    conditions = subject.conditions(n)
    if prior.learning is Learning.ALL_CODES:
        # Before the fit, all conditions may give the same codes.
        _fit_by_condition(subject, prior)
    shifted = conditions.roll(1, dims=0)
    with torch.no_grad():
        codes, others = prior(noise, conditions), prior(noise, shifted)
        same = (codes == others).all(dim=1).view(_REPEATS, -1)
        # The conditions alternate: each must make a difference for some sample.
        require(not same.all(dim=0).any(), f"{int(same.sum())} of {n} codes are the same for another condition")
        if prior.has_density:
            densities, elsewhere = prior.log_prob(codes, conditions), prior.log_prob(codes, shifted)
            require(
                not torch.equal(densities, elsewhere),
                "log_prob of a code is the same for another condition",
                "log_prob ignores its condition",
                "compute p(code | s) from both",
            )


def _fit_by_condition(subject: PriorSubject, prior: Prior) -> None:
    """Fits a prior to codes that depend on the condition."""
    n = 64 * subject.condition_dim
    conditions, generator = subject.conditions(n), torch.Generator().manual_seed(subject.case.seed + 1)
    which = conditions.argmax(1, keepdim=True)
    if subject.of_indices:
        # The digits of the class in base `entries`: distinct for each class, also with fewer entries than classes.
        digits = subject.space.entries ** torch.arange(subject.code_dim).clamp(max=16)
        codes = which // digits % subject.space.entries
    else:
        codes = which + torch.randn(n, subject.code_dim, generator=generator)
    with torch.no_grad():
        prior.fit_codes(codes, prior.code_noise(n, generator=generator), conditions)


def parts_share_each_code(subject: PriorSubject) -> None:
    """The responsibilities of a mixture's components are probabilities: at least 0, with sum 1."""
    prior = subject.component()
    if not prior.clusters:
        raise NotApplicable("it has no clusters")
    inputs = subject.inputs(prior, 32, subject.case.seed)
    with torch.no_grad():
        shares = prior.responsibilities(inputs["code"])
    total = shares.sum(dim=1)
    require(
        torch.allclose(total, torch.ones_like(total), atol=1e-4),
        f"responsibilities of a code add up to between {float(total.min()):.4g} and {float(total.max()):.4g}, not to 1",
    )
    require(bool((shares >= 0).all()), f"a responsibility is {float(shares.min()):.4g}, below 0")
    require(
        prior.clusters == 1 or not torch.equal(shares, shares[:1].expand_as(shares)),
        "responsibilities are the same for all codes",
        "they do not depend on the code",
    )


def parameters_have_a_loss(subject: PriorSubject) -> None:
    """`parameter_loss` is None or a finite scalar of the parameters alone."""
    prior = subject.component()
    loss = prior.parameter_loss()
    if loss is None:
        raise NotApplicable("its parameters have no loss of their own")
    require(
        loss.shape == () and bool(loss.isfinite()) and loss.dtype == torch.float32,
        f"parameter_loss is {loss.dtype} of shape {tuple(loss.shape)}, value {loss.tolist()}",
    )
    require(loss.requires_grad, "no gradient leaves parameter_loss")


PRIORS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "an attribute is missing, or was copied from another prior",
        "see the attributes of priorkit.interfaces.Prior",
    ),
    Check(
        "noise_comes_from_the_generator",
        noise_comes_from_the_generator,
        "the generator is ignored, or not passed to every call that draws",
        "pass `generator=generator` to torch.randn, torch.rand or torch.randint",
    ),
    Check(
        "noise_is_made_on_the_device",
        noise_is_made_on_the_device,
        "`device` is not passed to the function that draws",
        "pass `device=device` to torch.randn, torch.rand or torch.randint",
    ),
    Check(
        "noise_decides_the_codes",
        noise_decides_the_codes,
        "forward draws random numbers, uses dropout, or counts its calls",
        "draw all randomness in noise(), and compute codes from it alone",
    ),
    Check(
        "labels_change_codes",
        labels_change_codes,
        "the condition is ignored, or only part of it is used",
        "compute codes from noise and condition, or leave takes_condition False",
        required=False,
    ),
    Check(
        "parts_share_each_code",
        parts_share_each_code,
        "they are not normalised over the components, or over the wrong dimension",
        "take the softmax over the components of log weight + log density",
        required=False,
    ),
    Check(
        "parameters_have_a_loss",
        parameters_have_a_loss,
        "it is a Python number, a vector, or drawn at random",
        "return a float32 scalar computed from the parameters",
        required=False,
    ),
)
