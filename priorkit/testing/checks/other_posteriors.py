"""Checks of regularizers with posteriors that are not normal."""

import torch
from torch import Tensor

from priorkit.interfaces import Posterior
from priorkit.registry.blame import error_in_words
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.regularizer import RegularizerSubject

__all__ = ["OTHER_POSTERIORS"]


def other_posteriors_are_used_or_refused(subject: RegularizerSubject) -> None:
    """For posteriors with log_prob but no log_variance, terms are finite, or refused with a reason."""
    regularizer = subject.component()
    if not subject.encoder.stochastic:
        raise NotApplicable("it is checked only with stochastic encoders")
    inputs = subject.inputs(regularizer, 12, subject.case.seed)
    normal = subject.posterior(inputs)
    noise: Tensor = inputs["noise"]
    other = Posterior(normal.code, normal.mean, log_prob=-0.5 * noise.square().sum(1))
    try:
        with torch.no_grad():
            terms = regularizer.encoder_terms(
                other, subject.prior, inputs["prior_code"], inputs.get("condition"), inputs["encoder_noise"]
            )
    except ValueError as error:
        words = str(error).strip()
        require(
            bool(words) and "\n" not in words,
            f"posteriors without a log_variance are refused with {words!r}, not with one line that says why",
            "the error has no message, or one of several lines",
            "say in one line which encoder would work",
        )
        return
    except Exception as error:
        raise Defect(f"posteriors without a log_variance end with {error_in_words(error)}") from error
    for name, term in terms.items():
        require(bool(term.isfinite()), f"{name} is {float(term)} for posteriors without a log_variance")


OTHER_POSTERIORS = (
    Check(
        "other_posteriors_are_used_or_refused",
        other_posteriors_are_used_or_refused,
        "it assumes normal posteriors",
        "use `posterior.log_prob` if it is not None, or raise a ValueError that says which encoder would work",
        required=False,
    ),
)
