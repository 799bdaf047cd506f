"""Checks of the noise of regularizers."""

import torch

from priorkit.testing.absent_devices import META
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.devices import told_of_devices
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.regularizer import RegularizerSubject

__all__ = ["ENCODER_NOISE"]

_CODES = 12


def encoder_noise_comes_from_the_generator(subject: RegularizerSubject) -> None:
    """`encoder_noise` is float32 (n, ...), drawn from the given generator on the given device."""
    regularizer = subject.component()
    with global_state_kept("encoder_noise"):
        noise, again = (regularizer.encoder_noise(5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    require(
        noise.ndim > 0 and noise.shape[0] == 5 and noise.dtype == torch.float32,
        f"encoder_noise(5) is {noise.dtype} of shape {tuple(noise.shape)}, not float32 of shape (5, ...)",
        "noise that the batch shares is drawn once, or integers are drawn",
        "draw float32 numbers of shape (n, ...), also if the whole batch shares them",
    )
    require(torch.equal(noise, again), "the same generator gives different noise the second time")
    other = regularizer.encoder_noise(5, generator=torch.Generator().manual_seed(4))
    require(noise.numel() == 0 or not torch.equal(noise, other), "another seed gives the same noise")
    try:
        made = regularizer.to(META).encoder_noise(5, device=META)
    except Exception as error:
        told_of_devices("encoder_noise", error)
    require(
        made.is_meta,
        f"encoder_noise(5, device={str(META)!r}) is on {made.device}",
        "the device is ignored",
        "pass `device=device` to the function that draws",
    )


def encoder_noise_is_used(subject: RegularizerSubject) -> None:
    """If `encoder_noise` draws any, other noise changes a term of the encoder or the decoder."""
    regularizer = subject.component()
    inputs = subject.inputs(regularizer, _CODES, subject.case.seed)
    if inputs["encoder_noise"].numel() == 0:
        raise NotApplicable("it draws no noise")
    other = regularizer.encoder_noise(_CODES, generator=torch.Generator().manual_seed(subject.case.seed + 5))
    with torch.no_grad():
        terms, others = (
            {**subject.encoder_terms(regularizer, given), **subject.decoder_terms(regularizer, given)}
            for given in (inputs, {**inputs, "encoder_noise": other})
        )
    differing = any(not torch.equal(terms[name], others[name]) for name in terms)
    if not differing and subject.code_dim == 1:
        raise NotApplicable("in one dimension, terms may not depend on noise")
    require(differing, "encoder_noise draws noise, but no term depends on it")


ENCODER_NOISE = (
    Check(
        "encoder_noise_comes_from_the_generator",
        encoder_noise_comes_from_the_generator,
        "the generator is ignored, or not passed to every call that draws",
        "pass `generator=generator` to torch.randn, torch.rand or torch.randint",
    ),
    Check(
        "encoder_noise_is_used",
        encoder_noise_is_used,
        "the terms draw their own noise, or encoder_noise is a leftover",
        "compute the terms from the argument `noise`, or remove encoder_noise",
        required=False,
    ),
)
