"""Checks that codes lie in the declared support, and that densities on it are those of the codes."""

import math

import torch

from priorkit.interfaces import Prior, Space
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.measures import COUNTED, VOLUMES, flat_coordinates, wrong_frequency, wrong_measure
from priorkit.testing.subjects.encoder import EncoderSubject
from priorkit.testing.subjects.prior import PriorSubject

__all__ = ["ENCODER_SUPPORTS", "PRIOR_SUPPORTS"]

_SAMPLES = 20_000
_TAIL = 6.0
"""Number of standard errors beyond which an estimate counts as wrong."""
_ROUGH = 0.05
"""Standard error beyond which an integral is too imprecise to judge."""


def prior_codes_lie_in_the_support(subject: PriorSubject) -> None:
    """The prior's codes lie in its support."""
    prior = subject.component()
    if subject.of_indices:
        raise NotApplicable("its codes are indices")
    inside = prior.support.contains(subject.inputs(prior, 256, subject.case.seed)["code"])
    require(bool(inside.all()), f"{int((~inside).sum())} of 256 codes do not lie in {prior.support}")


def encoder_codes_lie_in_the_support(subject: EncoderSubject) -> None:
    """The encoder's codes lie in its support, with and without noise, for any image."""
    encoder = subject.component()
    given = [("usual inputs", subject.inputs(encoder, 64, subject.case.seed)), *subject.extreme_inputs(encoder)]
    for words, inputs in given:
        for noise in (inputs["noise"], None):
            with torch.no_grad():
                found = subject.posterior(encoder, inputs["image"], noise)
            if found.indices is not None:
                raise NotApplicable("its codes are indices")
            inside = encoder.support.contains(found.code.float())
            require(
                bool(inside.all()),
                f"{int((~inside).sum())} of {len(inside)} codes of {words} do not lie in {encoder.support}",
            )


def _on_another_measure(subject: PriorSubject) -> Prior:
    prior = subject.component()
    if not prior.has_density:
        raise NotApplicable("it has no density")
    if prior.support.space in VOLUMES or subject.of_indices:
        raise NotApplicable("its density is with respect to volume, which other checks cover")
    return prior


def densities_are_by_the_measure(subject: PriorSubject) -> None:
    """On a circle, a sphere, a small simplex and one-hot codes, the density is that of the samples."""
    prior = _on_another_measure(subject)
    label = 0 if prior.takes_condition else None
    drawn = subject.draw(prior, _SAMPLES, subject.case.seed + 1, label)
    densities = subject.log_density(prior, drawn, label)
    if prior.support.space in COUNTED:
        found = wrong_frequency(drawn, densities)
    else:
        coordinates = flat_coordinates(prior.support, drawn.double())
        if coordinates is None:
            raise NotApplicable("samples are counted only on supports of one and two dimensions")
        found = wrong_measure(coordinates, densities)
    require(not found, found)


def densities_add_up_on_the_support(subject: PriorSubject) -> None:
    """The density integrates to 1 over a sphere or a simplex of any dimension (estimated by uniform samples)."""
    prior = _on_another_measure(subject)
    if prior.support.space is Space.ONE_HOT:
        raise NotApplicable("probabilities are counted")
    dim, groups = subject.code_dim, prior.support.groups
    generator = torch.Generator().manual_seed(subject.case.seed)
    if prior.support.space is Space.SPHERE:
        directions = torch.randn(_SAMPLES, dim, generator=generator)
        codes = directions / directions.norm(dim=1, keepdim=True)
        log_measure = math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)
    else:
        sticks = -torch.rand(_SAMPLES, groups, dim // groups, generator=generator).clamp(min=1e-30).log()
        codes = (sticks / sticks.sum(2, keepdim=True)).flatten(1)
        log_measure = -groups * math.lgamma(dim / groups)
    label = 0 if prior.takes_condition else None
    values = (subject.log_density(prior, codes, label) + log_measure).exp()
    total, error = float(values.mean()), float(values.std()) / _SAMPLES**0.5
    if not error < _ROUGH:
        raise NotApplicable("its density differs too much from a uniform density for uniform samples")
    require(abs(total - 1) < _TAIL * error + 0.01, f"the density integrates to {total:.4g} +- {error:.2g}, not to 1")


PRIOR_SUPPORTS = (
    Check(
        "codes_lie_in_the_support",
        prior_codes_lie_in_the_support,
        "`support` is not set, or codes are not normalised",
        "set `support = Support(Space....)` to the set in which codes lie",
        required=False,
    ),
    Check(
        "densities_are_by_the_measure",
        densities_are_by_the_measure,
        "the density is with respect to volume, or to the measure of unnormalised codes, not to the support's measure",
        "see priorkit.interfaces.Space for each measure; include the determinant of a change of variables",
        required=False,
    ),
    Check(
        "densities_add_up_on_the_support",
        densities_add_up_on_the_support,
        "the normalising constant is for another dimension or measure",
        "check it against the uniform density, which is 1 / the measure of the support",
        required=False,
    ),
)

ENCODER_SUPPORTS = (
    Check(
        "codes_lie_in_the_support",
        encoder_codes_lie_in_the_support,
        "`support` is not set, or codes are not normalised if noise or outputs are 0",
        "set `support = Support(Space....)` to the set in which codes lie",
        required=False,
    ),
)
