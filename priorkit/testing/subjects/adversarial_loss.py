"""Adversarial losses."""

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from priorkit.interfaces import AdversarialLoss
from priorkit.plugins import AdversarialLossContext, Options
from priorkit.testing.case import Case
from priorkit.testing.check import Refused
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.stand_in_critics import SmallAutoencoderCritic, SmallCritic
from priorkit.testing.subject import Subject

__all__ = ["AdversarialLossSubject", "adversarial_loss_subjects"]

_SURE = 50.0
_EXPONENTIAL = 1e9
"""Above this, a loss of logits of 50 grows faster than any polynomial that one would use."""


class AdversarialLossSubject(Subject[AdversarialLoss]):
    """An adversarial loss of a critic of samples: the first of several small critics that it does not refuse.

    Args:
        case: What is checked.
        size: The shape of a sample.
    """

    interface = AdversarialLoss
    computed = ("logits", "fake")

    def __init__(self, case: Case, size: tuple[int, ...]) -> None:
        super().__init__(case, f"a critic of {'images' if len(size) > 1 else 'codes'}")
        self.size = size
        numbers = torch.Size(size).numel()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(case.seed)
            self.critics: tuple[nn.Module, ...] = (SmallCritic(numbers), SmallAutoencoderCritic(numbers))
        self.critic: nn.Module = self.critics[0]
        self.companions = self.critics

    def context(self) -> AdversarialLossContext:
        """Nothing."""
        return AdversarialLossContext()

    def built(self, seed: int = 0, options: Options | None = None) -> AdversarialLoss:
        """A new one, and a critic for it as `critic`."""
        loss = super().built(seed, options)
        reasons = []
        for critic in self.critics:
            try:
                loss.check(critic)
            except ValueError as error:
                reasons.append(" ".join(str(error).split()))
            except Exception:
                # A check of its own looks at `check`.
                return loss
            else:
                self.critic = critic
                return loss
        raise Refused(f"with {self.situation} it refuses every critic: {'; '.join(dict.fromkeys(reasons))}")

    def component(self, seed: int = 0) -> AdversarialLoss:
        """As of all components; what it keeps in buffers, as after a few steps of a critic that is still wrong."""
        loss = super().component(seed)
        if any(True for _ in loss.buffers()):
            loss.train()
            for step in range(2 + seed):
                loss.real(torch.full((4,), -2.0 - 0.1 * step - 0.1 * seed))
                loss.fake(torch.full((4,), -0.1 - 0.01 * seed))
            loss.eval()
        return loss

    def passes(self, component: AdversarialLoss) -> Sequence[ForwardPass]:
        """`real`, `fake`, `generator`, and `penalty` where it has one."""
        loss, whole = component, component.needs_whole_batch

        def penalty(inputs: Inputs) -> Tensor:
            # A critic is always trained with gradients; a penalty may need them to be computed at all.
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
        """`logits` (n,), those of the critic; `real` and `fake` samples (n, ...); `mixing` (n,)."""
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
        """Whether the critic is an autoencoder, whose logits are minus its errors: at most 0."""
        return bool(getattr(self.critic, "is_autoencoder", False))

    def far(self, loss: AdversarialLoss) -> float:
        """Logits of a critic that is utterly sure: 1e4; 50 where the loss grows like their exponential.

        Out there, the losses of some f-divergences have no value; one that only computes an exponential on its way
        (softplus) does.
        """
        high = 0.0 if self.of_autoencoder else _SURE
        with torch.no_grad():
            values = [
                float(part(torch.full((4,), logit)))
                for part, logit in itertools.product((loss.real, loss.fake, loss.generator), (-_SURE, high))
            ]
        return 1e4 if all(abs(value) < _EXPONENTIAL for value in values) else _SURE

    def extreme_inputs(self, component: AdversarialLoss) -> Sequence[tuple[str, Inputs]]:
        """Logits of 0, of a critic that is utterly sure, and generated samples that equal real ones."""
        inputs = self.inputs(component, 8, self.case.seed)
        far = self.far(component)
        high = 0.0 if self.of_autoencoder else far
        return [
            ("logits of 0", {**inputs, "logits": torch.zeros(8)}),
            (f"logits of {-far:g} and {high:g}", {**inputs, "logits": torch.tensor([-far, high]).repeat(4)}),
            ("generated samples that equal real ones", {**inputs, "fake": inputs["real"]}),
        ]


def adversarial_loss_subjects(case: Case) -> Iterator[AdversarialLossSubject]:
    """An adversarial loss of a code critic, and of an image critic."""
    yield AdversarialLossSubject(case, (5,))
    yield AdversarialLossSubject(case, (1, 4, 4))
