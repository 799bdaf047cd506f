"""The checks of priors that leave images out find planted defects."""

import copy

import pytest
import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.testing import Case, Outcome, Situations
from priorkit.testing.checks.leaving_out import LEAVING_OUT
from priorkit.testing.conformance import checks_of, run_check
from sound_priors import Planted


class Window(Prior):
    """A mixture around the codes of all training images."""

    learning = Learning.LIKELIHOOD
    has_density = True
    leaves_out = True
    exemplars: Tensor

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        if context.encoder is None:
            raise ValueError("its exemplars are encoded: it needs an encoder")
        assert context.training_images is not None
        self.code_dim = context.code_dim
        images = context.training_images()
        pixels = images.take(torch.arange(len(images))).float() * (2 / 255) - 1
        self.register_buffer("exemplars", pixels, persistent=False)
        self.log_deviation = nn.Parameter(torch.zeros(()))
        self._encoder: tuple[Encoder] = (context.encoder,)
        self.left_out: Tensor | None = None

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        picked = torch.rand(n, 1, generator=generator, device=device)
        return torch.cat([picked, torch.randn(n, self.code_dim, generator=generator, device=device)], dim=1)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        picked = (noise[:, 0] * len(self.exemplars)).long().clamp(max=len(self.exemplars) - 1)
        return self.centres().index_select(0, picked) + self.log_deviation.exp() * noise[:, 1:]

    def centres(self) -> Tensor:
        mean: Tensor = self._encoder[0](self.exemplars).mean.float()
        return mean

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        normal = torch.distributions.Normal(self.centres(), self.log_deviation.exp(), validate_args=False)
        parts: Tensor = normal.log_prob(code.float()[:, None]).sum(2)  # type: ignore[no-untyped-call]
        count = len(self.exemplars)
        if self.left_out is not None:
            parts = parts.scatter(1, self.left_out[:, None], -torch.inf)
            count -= 1
        return parts.logsumexp(1) - torch.tensor(count).log()

    def leaving_out(self, indices: Tensor) -> Prior:
        left = copy.copy(self)
        left.left_out = indices
        return left


class LeavesNothingOut(Window):
    def leaving_out(self, indices: Tensor) -> Prior:
        return self


class LeavesOthersOut(Window):
    def leaving_out(self, indices: Tensor) -> Prior:
        return super().leaving_out((indices + 6) % 12)


class Detached(Window):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code.detach(), condition)


class NoDensity(Window):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code, condition)[:, None]


PLANTED = [
    Planted("leaves_images_out", LeavesNothingOut, "codes are not more likely without another image"),
    Planted("leaves_images_out", LeavesOthersOut, "codes are not more likely without another image"),
    Planted("leaves_images_out", Detached, r"no gradient of leaving_out\(...\).log_prob reaches the codes"),
    Planted("leaves_images_out", NoDensity, "not 12 finite numbers"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_what_is_planted_is_found(planted: Planted) -> None:
    planted.must_be_found()


def test_each_check_finds_something() -> None:
    assert {planted.check for planted in PLANTED} == {check.name for check in LEAVING_OUT}


def test_a_sound_one_passes() -> None:
    case = Case("prior", Window, situations=Situations(code_dims=(2,), classes=(0,)))
    (check,) = [check for check in checks_of(case) if check.name == "leaves_images_out"]
    assert run_check(case, check).outcome is Outcome.PASSED
