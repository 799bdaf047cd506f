"""Checks of the recovery loss: it is minus a log-probability."""

import math

import torch
from torch import Tensor

from priorkit.interfaces import Condition
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.condition import ConditionSubject

__all__ = ["RECOVERY"]

_MANY = 64
_CLOSE = 1e-3


def true_conditions_are_recovered(subject: ConditionSubject) -> None:
    """`recovery_loss` is lower for the condition that Q predicts than for another."""
    condition = subject.component()
    drawn = subject.draw(condition, _MANY)
    distinct = torch.unique(drawn, dim=0)
    if len(distinct) < 2:
        raise NotApplicable("it draws only one condition")
    # Q's output may be the condition itself, or logits of its entries of 0 and 1.
    middle = (distinct.amax(0) + distinct.amin(0)) / 2
    logits = torch.cat([5 * distinct[:, : condition.classes], distinct[:, condition.classes :]], dim=1)
    clear = [logits] if condition.classes else [distinct, 8 * (distinct - middle)]
    wrong = [_not_recovered(condition, distinct, said) for said in clear]
    require(None in wrong, wrong[0] or "")


def _not_recovered(condition: Condition, distinct: Tensor, said: Tensor) -> str | None:
    """Returns in words a predicted condition whose loss is not lower than another's; None if there is none."""
    for i in range(min(len(distinct), 5)):
        j = (i + 1) % len(distinct)
        losses = [float(condition.recovery_loss(said[i : i + 1], distinct[k : k + 1])) for k in (i, j)]
        if not losses[0] < losses[1]:
            return f"the loss is {losses[0]:.4g} for the condition that Q predicts, and {losses[1]:.4g} for another"
    return None


def recovery_is_a_log_probability(subject: ConditionSubject) -> None:
    """`recovery_loss` is minus the natural logarithm of a probability: those of all classes add up to 1."""
    condition = subject.component()
    generator = torch.Generator().manual_seed(subject.case.seed)
    if not condition.classes:
        _density_is_normalised(subject, condition)
        return
    k = condition.classes
    if k < condition.dim:
        raise NotApplicable("s is a class and further numbers")
    for scale in (0.0, 1.0, 4.0):
        logits = scale * torch.randn(1, k, generator=generator)
        losses = torch.stack([condition.recovery_loss(logits, row[None]).double() for row in torch.eye(k)])
        total = float((-losses).exp().sum())
        if abs(total - 1) < _CLOSE:
            continue
        known = {
            "logits are used as log-probabilities": (
                float(logits.double().exp().sum()),
                "take the log-softmax: subtract torch.logsumexp(logits, dim=1)",
            ),
            "the mean is taken over classes as well as over the batch": (
                total if abs(float((-losses * k).exp().sum()) - 1) < _CLOSE else math.nan,
                "sum over the classes, and take the mean over the batch",
            ),
            "the logarithm has base 2": (
                total if abs(float((-losses * math.log(2)).exp().sum()) - 1) < _CLOSE else math.nan,
                "use the natural logarithm: the unit is the nat",
            ),
        }
        found = f"exp(-recovery_loss) adds up to {total:.4g} over the {k} classes, not to 1"
        for cause, (expected, fix) in known.items():
            if abs(total - expected) < _CLOSE * max(1.0, expected):
                raise Defect(found, cause, fix)
        raise Defect(found)


def _density_is_normalised(subject: ConditionSubject, condition: Condition) -> None:
    """Integrates over a one-dimensional s; since supports differ, only known missing constants are a defect."""
    if condition.dim != 1 or len(torch.unique(subject.draw(condition, _MANY))) < 10:
        raise NotApplicable("s is neither a class nor a single number")
    points = torch.linspace(-40, 40, 4001, dtype=torch.float64)
    with torch.no_grad():
        losses = torch.stack([condition.recovery_loss(torch.zeros(1, 1), s.float().view(1, 1)) for s in points])
    total = float(torch.trapezoid((-losses.double()).exp(), points))
    for constant, words in (
        (math.sqrt(math.tau), "the constant log(2 pi) / 2 of a Gaussian is missing"),
        (math.sqrt(math.pi), "it is the squared error, without the factor 1/2 and the constant log(2 pi) / 2"),
    ):
        require(
            abs(total - constant) > 0.01,
            f"exp(-recovery_loss) integrates to {total:.4g} over s, not to 1",
            words,
            "return (s - mean)^2 / 2 + log(2 pi) / 2 for each dimension: -log N(s; mean, 1)",
        )


RECOVERY = (
    Check(
        "true_conditions_are_recovered",
        true_conditions_are_recovered,
        "the sign is wrong: it is a log-probability, not its negative; or recovered and condition are swapped",
        "return -E[log Q(s | x)], which is to be minimised",
        required=False,
    ),
    Check(
        "recovery_is_a_log_probability",
        recovery_is_a_log_probability,
        "the normaliser is missing, or each class is treated by itself (binary cross-entropy)",
        "use torch.nn.functional.cross_entropy(recovered.float(), condition)",
        required=False,
    ),
)
