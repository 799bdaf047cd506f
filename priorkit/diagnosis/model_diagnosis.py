"""The diagnosis of a trained model: its prior compared with its encoder's codes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import Tensor

from priorkit.data import to_uint8
from priorkit.diagnosis.code_comparison import FEWEST_CODES, CodeComparison, compare_codes
from priorkit.diagnosis.findings import Finding, name_faults
from priorkit.evaluation import encode_images
from priorkit.interfaces import ImageData
from priorkit.models import Model

__all__ = ["CodeSets", "Diagnosis", "diagnose_codes", "diagnose_model"]

_SHOWN = 8
"""Number of the farthest codes that are shown as images."""


@dataclass(frozen=True, eq=False)
class CodeSets:
    """The compared codes, flat, float32 on the CPU; for indices, the codebook's vectors.

    Attributes:
        prior: Draws from the prior, (N, D).
        held_out: Draws from the posteriors of held-out images, (M, D).
        training: Draws from the posteriors of training images, (K, D).

    Examples:
        >>> import torch
        >>> from priorkit.diagnosis import diagnose_codes
        >>> codes, prior_codes = torch.randn(2, 200, 4, generator=torch.Generator().manual_seed(0))
        >>> sets = diagnose_codes(prior_codes, codes[:50], codes[50:]).codes
        >>> sets.prior.shape, sets.held_out.shape, sets.training.shape
        (torch.Size([200, 4]), torch.Size([50, 4]), torch.Size([150, 4]))
    """

    prior: Tensor
    held_out: Tensor
    training: Tensor


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The diagnosis of a prior.

    Attributes:
        findings: The findings, most important first; if there are no faults, one finding `Fault.NONE`.
        comparison: The measurements.
        codes: The codes that were compared.
        farthest: Images of the prior's codes farthest from any training code, uint8 (n, C, H, W); None without a
            decoder.
        nearest: The training images whose codes are nearest to these codes, of the same shape; None without a decoder.

    Examples:
        >>> import torch
        >>> from priorkit.diagnosis import diagnose_codes
        >>> codes, prior_codes = torch.randn(2, 200, 4, generator=torch.Generator().manual_seed(0))
        >>> diagnosis = diagnose_codes(prior_codes + 2, codes[:100], codes[100:])
        >>> diagnosis.sentence
        'The prior is shifted: its mean lies ... deviations of the codes away in a typical dimension, ...'
        >>> diagnosis
        Diagnosis(findings=(Finding(fault=<Fault.SHIFT: 'shift'>, sentence='The prior is shifted: ...
    """

    findings: tuple[Finding, ...]
    comparison: CodeComparison = field(repr=False)
    codes: CodeSets = field(repr=False)
    farthest: Tensor | None = field(default=None, repr=False)
    nearest: Tensor | None = field(default=None, repr=False)

    @property
    def sentence(self) -> str:
        """The sentence and the advice of the first finding."""
        return f"{self.findings[0].sentence} {self.findings[0].advice}"

    def __str__(self) -> str:
        return "\n".join(f"{finding.sentence} {finding.advice}" for finding in self.findings)

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "findings": [
                {"fault": item.fault.value, "sentence": item.sentence, "advice": item.advice} for item in self.findings
            ],
            "codes": {"prior": len(self.codes.prior), "held_out": len(self.codes.held_out)},
            **self.comparison.as_data(),
        }


def diagnose_codes(
    prior_codes: Tensor, held_out: Tensor, training: Tensor, *, seed: int = 0, run: str = "RUN"
) -> Diagnosis:
    """Diagnoses a prior from codes of any origin.

    Args:
        prior_codes: Draws from the prior, (N, D).
        held_out: Codes that the prior has not seen, (M, D).
        training: Codes that the prior was fitted to, (K, D).
        seed: Seed of the classifiers.
        run: The name of the run in advice.

    Raises:
        ConfigurationError: There are fewer than 20 codes of one kind, their dimensions differ, or some are not finite.

    Examples:
        >>> import torch
        >>> from priorkit.diagnosis import diagnose_codes
        >>> generator = torch.Generator().manual_seed(0)
        >>> codes, prior_codes = torch.randn(2, 1000, 4, generator=generator)
        >>> diagnose_codes(prior_codes + 2, codes[:500], codes[500:]).findings[0].fault.value
        'shift'
    """
    sets = CodeSets(*(codes.detach().flatten(1).float().cpu() for codes in (prior_codes, held_out, training)))
    comparison = compare_codes(sets.prior, sets.held_out, sets.training, seed=seed)
    return Diagnosis(name_faults(comparison, run), comparison, sets)


def diagnose_model(
    model: Model,
    data: ImageData,
    *,
    samples: int = 5000,
    binarise: Literal["none", "threshold", "stochastic"] = "none",
    seed: int = 0,
    run: str = "RUN",
    tell: Callable[[str], None] = lambda doing: None,
) -> Diagnosis:
    """Diagnoses a model's prior.

    Codes are draws from the posteriors, which a prior should match, not their means. A condition from the data is drawn
    as by `priorkit sample`, so held-out images should have the same class frequencies.

    Args:
        model: A model with an encoder.
        data: The model's data.
        samples: Maximal number of codes of each kind.
        binarise: Whether to convert images to black and white, as in training.
        seed: Seed of all draws.
        run: The name of the run in advice.
        tell: Called with a text before each part of the work.

    Raises:
        ConfigurationError: There are too few held-out images, or codes are not finite.

    Examples:
        >>> import priorkit
        >>> from priorkit.diagnosis import diagnose_model
        >>> from priorkit.runs import load_run_data
        >>> run = priorkit.load_run("runs/first")
        >>> diagnosis = diagnose_model(run.model, load_run_data(run), samples=50)
        >>> diagnosis.codes.prior.shape, diagnosis.nearest.shape
        (torch.Size([50, 64]), torch.Size([8, 1, 16, 16]))
    """
    assert model.encoder is not None, "a model without an encoder has no codes"
    tell("encoding images")
    held_out = encode_images(model, data.test, samples, binarise=binarise, seed=seed).posterior.code
    training = encode_images(model, data.train, samples, binarise=binarise, seed=seed + 1)
    tell("drawing codes from the prior")
    drawn = model.codes(min(samples, max(len(held_out), len(training), 2 * FEWEST_CODES)), seed)
    tell("comparing them")
    found = diagnose_codes(model.vectors(drawn), held_out, training.posterior.code, seed=seed, run=run)
    farthest = found.comparison.distances.argsort(descending=True)[:_SHOWN]
    return replace(
        found,
        farthest=to_uint8(model.decode(drawn[farthest.to(drawn.device)], from_prior=True)).cpu(),
        nearest=data.train.take(training.indices[found.comparison.nearest[farthest]]),
    )
