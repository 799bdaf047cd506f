"""What regularizers make of posteriors that are not normal."""

import torch
from torch import Tensor

from priorkit.interfaces import Posterior
from priorkit.registry.blame import error_in_words
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.regularizer import RegularizerSubject

__all__ = ["OTHER_POSTERIORS"]


def other_posteriors_are_used_or_refused(subject: RegularizerSubject) -> None:
    """Of posteriors with a log_prob in place of a log_variance, terms are finite, or refused with what would do."""
    regularizer = subject.component()
    if not subject.encoder.stochastic:
        raise NotApplicable("it is tried with a deterministic encoder")
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
            "the message is missing",
            "say which encoder would do, in one line",
        )
        return
    except Exception as error:
        raise Defect(f"posteriors without a log_variance end with {error_in_words(error)}") from error
    for name, term in terms.items():
        require(bool(term.isfinite()), f"{name} of posteriors without a log_variance is {float(term)}")


OTHER_POSTERIORS = (
    Check(
        "other_posteriors_are_used_or_refused",
        other_posteriors_are_used_or_refused,
        "it takes for granted that posteriors are normal",
        "use `posterior.log_prob` where there is one, or raise a ValueError that says which encoder would do",
        required=False,
    ),
)
