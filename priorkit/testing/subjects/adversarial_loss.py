"""Adversarial losses to check."""

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss
from priorkit.plugins import AdversarialLossContext, Options
from priorkit.testing.case import Case
from priorkit.testing.check import Refused
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.global_generator import seeded
from priorkit.testing.stand_in_critics import SmallAutoencoderCritic, SmallCritic
from priorkit.testing.subject import Subject

__all__ = ["AdversarialLossSubject", "adversarial_loss_subjects"]

_SURE = 50.0
_EXPONENTIAL = 1e9
"""A loss above this value at logits of 50 grows faster than any polynomial in use."""


class AdversarialLossSubject(Subject[AdversarialLoss]):
    """An adversarial loss with the first of several small critics that it accepts.

    Args:
        case: The component with its options.
        size: The shape of a sample.
    """

    interface = AdversarialLoss
    computed = ("logits", "fake")

    def __init__(self, case: Case, size: tuple[int, ...]) -> None:
        super().__init__(case, f"a critic of {'images' if len(size) > 1 else 'codes'}")
        self.size = size
        numbers = torch.Size(size).numel()
        with seeded(case.seed):
            self.critics: tuple[nn.Module, ...] = (SmallCritic(numbers), SmallAutoencoderCritic(numbers))
        self.critic: nn.Module = self.critics[0]
        self.companions = self.critics

    def context(self) -> AdversarialLossContext:
        """Returns the context, which is empty."""
        return AdversarialLossContext()

    def built(self, seed: int = 0, options: Options | None = None) -> AdversarialLoss:
        """Returns a new loss, and sets `critic` to a critic that it accepts."""
        loss = super().built(seed, options)
        reasons = []
        for critic in self.critics:
            try:
                loss.check(critic)
            except ValueError as error:
                reasons.append(" ".join(str(error).split()))
            except Exception:
                # Another check reports errors of `check`.
                return loss
            else:
                self.critic = critic
                return loss
        raise Refused(f"with {self.situation} it refuses every critic: {'; '.join(dict.fromkeys(reasons))}")

    def component(self, seed: int = 0) -> AdversarialLoss:
        """Returns a new loss as for all components, with buffers as after a few steps with a wrong critic."""
        loss = super().component(seed)
        if any(True for _ in loss.buffers()):
            loss.train()
            for step in range(2 + seed):
                loss.real(torch.full((4,), -2.0 - 0.1 * step - 0.1 * seed))
                loss.fake(torch.full((4,), -0.1 - 0.01 * seed))
            loss.eval()
        return loss

    def passes(self, component: AdversarialLoss) -> Sequence[ForwardPass]:
        """Returns `real`, `fake`, `generator`, and `penalty` if the loss has one."""
        loss, whole = component, component.needs_whole_batch

        def penalty(inputs: Inputs) -> Tensor:
            # Critics are always trained with gradients, and a penalty may need them for its value.
            with torch.enable_grad():
                return loss.penalty(self.critic, inputs["real"], inputs["fake"], inputs["mixing"])

        parts = {"real": loss.real, "fake": loss.fake, "generator": loss.generator}
        passes = [
            ForwardPass(
                name,
                lambda inputs, part=part: part(inputs["logits"]),  # type: ignore[misc]
                lambda n: (),
                mean=True,
                whole_batch=whole,
                reaches=("logits",),
                float32=True,
            )
            for name, part in parts.items()
        ]
        if loss.has_penalty:
            passes.append(ForwardPass("penalty", penalty, lambda n: (), mean=True, whole_batch=whole, float32=True))
        return passes

    def inputs(self, component: AdversarialLoss, n: int, seed: int) -> Inputs:
        """Returns the critic's `logits` (n,), `real` and `fake` samples (n, ...), and `mixing` (n,)."""
        generator = torch.Generator().manual_seed(seed)
        logits = 2 * torch.randn(n, generator=generator)
        real, fake = torch.randn(2, n, *self.size, generator=generator)
        return {
            "logits": -logits.abs() if self.of_autoencoder else logits,
            "real": real,
            "fake": 0.5 * fake + 1,
            "mixing": torch.rand(n, generator=generator),
        }

    @property
    def of_autoencoder(self) -> bool:
        """Whether the critic is an autoencoder, whose logits are at most 0."""
        return bool(getattr(self.critic, "is_autoencoder", False))

    def far(self, loss: AdversarialLoss) -> float:
        """Returns the logit of a nearly certain critic: 1e4, or 50 if the loss grows exponentially.

        At 1e4, the losses of some f-divergences overflow; losses like softplus, with an exponential inside, do not.
        """
        high = 0.0 if self.of_autoencoder else _SURE
        with torch.no_grad():
            values = [
                float(part(torch.full((4,), logit)))
                for part, logit in itertools.product((loss.real, loss.fake, loss.generator), (-_SURE, high))
            ]
        return 1e4 if all(abs(value) < _EXPONENTIAL for value in values) else _SURE

    def extreme_inputs(self, component: AdversarialLoss) -> Sequence[tuple[str, Inputs]]:
        """Returns logits of 0, logits of a nearly certain critic, and generated samples that equal real ones."""
        inputs = self.inputs(component, 8, self.case.seed)
        far = self.far(component)
        high = 0.0 if self.of_autoencoder else far
        return [
            ("logits of 0", {**inputs, "logits": torch.zeros(8)}),
            (f"logits of {-far:g} and {high:g}", {**inputs, "logits": torch.tensor([-far, high]).repeat(4)}),
            ("generated samples that equal real ones", {**inputs, "fake": inputs["real"]}),
        ]


def adversarial_loss_subjects(case: Case) -> Iterator[AdversarialLossSubject]:
    """Yields the loss with a critic of codes, and with a critic of images."""
    yield AdversarialLossSubject(case, (5,))
    yield AdversarialLossSubject(case, (1, 4, 4))
