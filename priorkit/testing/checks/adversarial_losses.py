"""Checks of adversarial losses: the directions of their gradients, their penalties and their buffers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss, Comparison
from priorkit.testing.check import Check, NotApplicable, require
from priorkit.testing.checks.buffers import after_training, moved
from priorkit.testing.checks.refusals import refusal
from priorkit.testing.subjects.adversarial_loss import AdversarialLossSubject

__all__ = ["ADVERSARIAL_LOSSES"]

_FAR = 10.0
_STEEP = 300.0
"""Factor of the logits of a critic that is steep at all samples."""


def accepts_a_critic(subject: AdversarialLossSubject) -> None:
    """`check` accepts at least one critic, and refuses others with a ValueError that says why in one line."""
    loss = subject.component()
    reasons = [refusal(lambda: loss.check(critic), f"a {type(critic).__name__}") for critic in subject.critics]  # noqa: B023
    require(
        None in reasons,
        f"check refuses every critic: {'; '.join(reason for reason in reasons if reason)}",
        "it requires something that no critic has, or its condition is inverted",
        "refuse only critics that the loss cannot work with",
    )


def _slope(part: Callable[[Tensor], Tensor], logit: float) -> float:
    """Returns the derivative of a part of the loss at equal logits."""
    logits = torch.full((4,), logit, requires_grad=True)
    (gradient,) = torch.autograd.grad(part(logits), logits)
    return float(gradient.sum())


def pulls_the_right_way(subject: AdversarialLossSubject) -> None:
    """`real` and `generator` fall as low logits rise, and `fake` rises as high logits rise."""
    loss = subject.component()
    high = -0.01 if subject.of_autoencoder else _FAR
    wrong = []
    for name, part, logit, sign in (
        ("real", loss.real, -_FAR, -1),
        ("fake", loss.fake, high, 1),
        ("generator", loss.generator, -_FAR, -1),
    ):
        slope = _slope(part, logit)
        if not slope * sign > 0:
            wrong.append(
                f"{name} has slope {slope:.3g} at logits of {logit:g}, but should "
                f"{'rise' if sign > 0 else 'fall'} there"
            )
    require(not wrong, "; ".join(wrong))


def teaches_a_critic_that_is_utterly_wrong(subject: AdversarialLossSubject) -> None:
    """At logits far on the wrong side, the critic still has a gradient towards the right side."""
    loss = subject.component()
    far = subject.far(loss)
    high = -0.01 if subject.of_autoencoder else far
    for name, part, logit, sign in (("real", loss.real, -far, -1), ("fake", loss.fake, high, 1)):
        slope = _slope(part, logit)
        require(slope * sign > 0, f"the slope of {name} is {slope:.3g} at logits of {logit:g}")
    slope = _slope(loss.generator, -far)
    require(slope <= 0, f"the slope of generator is {slope:.3g} at logits of {-far:g}")


def compares_as_it_says(subject: AdversarialLossSubject) -> None:
    """`comparison` is a `Comparison`, and `Comparison.AVERAGE` requires `needs_whole_batch`."""
    loss = subject.component()
    require(
        isinstance(loss.comparison, Comparison),
        f"comparison is {loss.comparison!r}, not a Comparison",
        "it is a text",
        "use Comparison.ALONE, PAIRED or AVERAGE",
    )
    require(
        loss.comparison is not Comparison.AVERAGE or loss.needs_whole_batch,
        "logits are compared with the mean of a batch, but needs_whole_batch is False",
        "with several processes, each would compare with the mean of its own part of the batch",
        "set needs_whole_batch = True",
    )


def _says_that_it_has_none(loss: AdversarialLoss) -> bool:
    """Returns whether the loss itself, not the base class, sets has_penalty."""
    classes = type(loss).__mro__[: type(loss).__mro__.index(AdversarialLoss)]
    return "has_penalty" in vars(loss) or any("has_penalty" in vars(each) for each in classes)


def penalties_train_the_critic(subject: AdversarialLossSubject) -> None:
    """With `has_penalty`, `penalty` is implemented, grows with the critic's slopes, and has finite gradients."""
    loss = subject.component()
    given = type(loss).penalty is not AdversarialLoss.penalty
    if not loss.has_penalty:
        require(
            not given or _says_that_it_has_none(loss),
            "it implements penalty, but has_penalty is False: it is never called",
            "has_penalty is not set",
            "set has_penalty = True",
        )
        raise NotApplicable("it has no penalty")
    require(
        given,
        "has_penalty is True, but penalty is not implemented",
        "`penalty` is missing, or has another name",
        "implement penalty, or leave has_penalty False",
    )
    inputs = subject.inputs(loss, 8, subject.case.seed)
    weights = dict(subject.critic.named_parameters())

    def penalty(steepness: float = 1, **others: Tensor) -> Tensor:
        seen = {**inputs, **others}
        return loss.penalty(
            lambda sample: steepness * subject.critic(sample), seen["real"], seen["fake"], seen["mixing"]
        )

    def gradients(words: str, steepness: float = 1, **others: Tensor) -> list[Tensor]:
        value = penalty(steepness, **others)
        require(
            value.requires_grad,
            f"the penalty for {words} has no gradient",
            "its inner gradient is computed without create_graph=True, or the result is detached",
            "pass create_graph=True to torch.autograd.grad",
        )
        found = torch.autograd.grad(value, list(weights.values()), allow_unused=True)
        for name, gradient in zip(weights, found, strict=True):
            require(
                gradient is None or bool(gradient.isfinite().all()),
                f"the gradient of the penalty for {words} with respect to the critic's {name!r} is infinite or not a "
                "number",
                "a root has no derivative at 0",
                "use torch.linalg.vector_norm, or add an epsilon under the root",
            )
        return [gradient for gradient in found if gradient is not None]

    require(
        # The small critic's slopes may lie below the bound at which a penalty begins.
        any(bool(gradient.any()) for gradient in (*gradients("usual samples"), *gradients("usual samples", _STEEP))),
        "no gradient of the penalty reaches the critic",
        "it does not call the given critic, or detaches its output",
        "compute the penalty from critic(samples)",
    )
    flat, steep = (float(penalty(by).detach()) for by in (_STEEP / 100, _STEEP))
    require(
        steep >= flat,
        f"the penalty is {flat:.4g} for a critic, but {steep:.4g} for a critic 100 times as steep",
        "its sign is wrong",
        "return a value that the critic minimises: it is added to the critic's loss",
    )
    gradients("generated samples that equal real ones", fake=inputs["real"])
    kept = {name: weight.detach().clone() for name, weight in weights.items()}
    with torch.no_grad():
        for weight in weights.values():
            weight.zero_()
    gradients("a critic whose weights are all 0")
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(kept[name])


def buffers_move_with_the_critic(subject: AdversarialLossSubject) -> None:
    """Buffers change only in `real` and `fake`, in training mode, while gradients are recorded, and in place."""
    loss: nn.Module = subject.component()
    assert isinstance(loss, AdversarialLoss)
    if not any(True for _ in loss.buffers()):
        raise NotApplicable("it has no buffers")
    inputs = subject.inputs(loss, 8, subject.case.seed)
    passes = {one.name: one for one in subject.passes(loss)}
    loss.train()
    for name, one in passes.items():
        if name not in ("real", "fake"):
            found = moved(loss, lambda: one.outputs(inputs))  # noqa: B023
            require(
                not found,
                f"{name} changes {', '.join(found)}",
                "the generator's loss or the penalty updates buffers of the critic's loss",
                "update buffers in real and fake alone",
            )
            continue
        found = moved(loss, lambda: one.without_gradients(inputs))  # noqa: B023
        require(not found, f"{name} changes {', '.join(found)} while no gradients are recorded")
        moved(loss, lambda: one.outputs(inputs))  # noqa: B023

    def after(seed: int) -> dict[str, Tensor]:
        logits = subject.inputs(loss, 8, seed)["logits"]
        return after_training(loss, lambda: (loss.real(logits), loss.fake(logits)))

    first, second = after(subject.case.seed), after(subject.case.seed + 1)
    dependent = [name for name in first if not torch.equal(first[name], second[name])]
    require(
        not dependent or loss.needs_whole_batch,
        f"{', '.join(dependent)} depends on the batch, but needs_whole_batch is False",
        "with several processes, each would compute it from its own part of the batch",
        "set needs_whole_batch = True",
    )


ADVERSARIAL_LOSSES = (
    Check(
        "accepts_a_critic",
        accepts_a_critic,
        "`check` refuses too much",
        "refuse only critics that the loss cannot work with",
    ),
    Check(
        "pulls_the_right_way",
        pulls_the_right_way,
        "a sign is wrong, real and fake are swapped, or the generator minimises the critic's loss",
        "high logits mean real: let the critic raise them on real samples and lower them on fakes, and the generator "
        "raise them on its samples",
    ),
    Check(
        "teaches_a_critic_that_is_utterly_wrong",
        teaches_a_critic_that_is_utterly_wrong,
        "the logarithm of a sigmoid is clamped or has an added epsilon, or the loss is bounded: it is flat there",
        "compute from logits (softplus, logsigmoid, binary_cross_entropy_with_logits), without a separate sigmoid",
    ),
    Check(
        "compares_as_it_says",
        compares_as_it_says,
        "comparison has the wrong value",
        "see priorkit.interfaces.Comparison",
    ),
    Check(
        "penalties_train_the_critic",
        penalties_train_the_critic,
        "the penalty does not depend on the critic's parameters",
        "compute the penalty from critic(samples), with create_graph=True for inner gradients",
        required=False,
    ),
    Check(
        "buffers_move_with_the_critic",
        buffers_move_with_the_critic,
        "a buffer is updated wherever it is read",
        "update it only `if self.training and torch.is_grad_enabled()`",
        required=False,
    ),
)
