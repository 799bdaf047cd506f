"""The checks of priors that are fitted to all codes find planted defects."""

import pytest
import torch
from torch import Tensor

from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.testing import check_prior
from priorkit.testing.checks.code_fitting import CODE_FITTING
from sound_priors import Planted


class Fitted(Prior):
    """A normal distribution with the mean and the standard deviation of all codes."""

    mean: Tensor
    deviation: Tensor
    learning = Learning.ALL_CODES

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.register_buffer("mean", torch.zeros(self.code_dim))
        self.register_buffer("deviation", torch.ones(self.code_dim))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.deviation * noise

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        self.mean.copy_(code.mean(0))
        self.deviation.copy_(code.std(0))


class NeverFits(Fitted):
    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        pass


class OnlyTheMean(Fitted):
    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        self.mean.copy_(code.mean(0))


class Replaces(Fitted):
    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        super().fit_codes(code, noise)
        self.mean = code.mean(0)


class DrawsElsewhere(Fitted):
    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        super().fit_codes(code[torch.randint(len(code), (len(code),))], noise)


PLANTED = [
    Planted("fits_itself_to_the_codes", NeverFits, "the mean of its codes is .* away from the mean of the codes"),
    Planted("fits_itself_to_the_codes", OnlyTheMean, "the standard deviation of its codes is .*, but not their spread"),
    Planted("fits_itself_in_place", Replaces, "'mean' is another tensor after the fit.*copy_"),
    Planted("fits_itself_in_place", DrawsElsewhere, "generator"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_what_is_planted_is_found(planted: Planted) -> None:
    planted.must_be_found()


def test_each_check_finds_something() -> None:
    assert {planted.check for planted in PLANTED} == {check.name for check in CODE_FITTING}


def test_a_sound_one_passes() -> None:
    report = check_prior(Fitted, required=("fits_itself_to_the_codes", "fits_itself_in_place"))
    report.raise_if_failed()
