"""The checks of priors of indices find planted defects, in priors without other defects."""

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeKind, CodeSpace, Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.testing import Case, Outcome, Situations, check_component
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.checks.probabilities import PROBABILITIES
from priorkit.testing.conformance import run_check

SITUATIONS = Situations(codes=(CodeSpace((1, 3), 3), CodeSpace((2, 2), 2)), examples=2)


class Table(Prior):
    """The probability of every code, learned from codes. Without defects."""

    kinds = (CodeKind.INDICES,)
    learning = Learning.CODES
    has_density = True

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        if context.codes.kind is not CodeKind.INDICES:
            raise ConfigurationError("only indices have a table of probabilities")
        self.code_dim, self.entries = context.codes.dim, context.codes.entries
        self.takes_condition = context.condition_dim > 0
        self.logits = nn.Parameter(torch.randn(max(context.condition_dim, 1), self.entries**self.code_dim))
        powers = self.entries ** torch.arange(self.code_dim - 1, -1, -1)
        self.register_buffer("powers", powers)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.rand(n, 1, generator=generator, device=device)

    def shares(self, n: int, condition: Tensor | None) -> Tensor:
        logits = self.logits if condition is None else condition @ self.logits
        return logits.float().log_softmax(1).expand(n, -1)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        below = self.shares(len(noise), condition).exp().cumsum(1) < self.level(noise)
        return self.codes_of(below.sum(1).clamp(max=self.logits.shape[1] - 1))

    def level(self, noise: Tensor) -> Tensor:
        return noise

    def codes_of(self, numbers: Tensor) -> Tensor:
        return numbers[:, None] // self.powers % self.entries

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        if self.takes_condition and condition is None:
            raise ValueError("give the condition")
        return self.shares(len(code), condition).gather(1, (code * self.powers).sum(1, keepdim=True))[:, 0]

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return -self.log_prob(code, condition).mean()


class OneTooMany(Table):
    def codes_of(self, numbers: Tensor) -> Tensor:
        return super().codes_of(numbers) + 1


class Floats(Table):
    def codes_of(self, numbers: Tensor) -> Tensor:
        return super().codes_of(numbers).float()


class NotNormalised(Table):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(code, condition) + 0.5


class Mirrored(Table):
    def codes_of(self, numbers: Tensor) -> Tensor:
        return super().codes_of(numbers).flip(1)


class Squared(Table):
    def level(self, noise: Tensor) -> Tensor:
        return noise.square()


class WrongSign(Table):
    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.log_prob(code, condition).clamp(min=-30).mean()


class OfOtherCodes(Table):
    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().code_loss((code + 1) % self.entries, noise, condition)


class Counted(Table):
    """The frequency of every code among the given codes. Without defects."""

    learning = Learning.ALL_CODES
    logits: Tensor

    def __init__(self, context: PriorContext) -> None:
        super().__init__(context)
        start = self.logits.detach()
        del self.logits
        self.register_buffer("logits", start)

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        counts = torch.full_like(self.logits, 0.1)
        which = torch.zeros(len(code), dtype=torch.int64) if condition is None else condition.argmax(1)
        counts.index_put_((which, (self.counted(code) * self.powers).sum(1)), torch.tensor(1.0), accumulate=True)
        self.logits.copy_(counts.log())

    def counted(self, code: Tensor) -> Tensor:
        return code


class CountsOtherCodes(Counted):
    def counted(self, code: Tensor) -> Tensor:
        return (code + 1) % self.entries


class CountedElsewhere(Counted):
    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        super().fit_codes(code, noise, condition)
        self.logits = self.logits.clone()


class Unlabelled(Counted):
    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        super().fit_codes(code, noise, condition)
        self.logits.copy_(self.logits.exp().sum(0).log().expand_as(self.logits))


PLANTED = [
    ("samples_are_indices", OneTooMany, ("the codebook has 3 entries", "clamp")),
    ("samples_are_indices", Floats, ("codes are torch.float32", "codebook")),
    ("probabilities_are_those_of_the_samples", NotNormalised, ("add up to 1.649", "log-softmax")),
    ("probabilities_are_those_of_the_samples", Mirrored, ("do not follow the probabilities", "disagree")),
    ("probabilities_are_those_of_the_samples", Squared, ("do not follow the probabilities", "disagree")),
    ("learns_the_indices", WrongSign, ("that code's share of its samples is", "wrong sign")),
    ("learns_the_indices", OfOtherCodes, ("that code's share of its samples is", "does not depend on the given codes")),
    ("learns_the_indices", CountsOtherCodes, ("after a fit to codes", "does not depend on")),
    ("fits_itself_in_place", CountedElsewhere, ("is another tensor after the fit",)),
    ("labels_change_codes", Unlabelled, ("are the same for another condition",)),
    ("shapes_and_dtypes", Floats, ("forward is torch.float32, not int64", "return indices as int64")),
]


@pytest.mark.parametrize(("check", "build", "words"), PLANTED)
def test_planted_defects_are_found(check: str, build: Callable[[PriorContext], Prior], words: tuple[str, ...]) -> None:
    [found] = [item for item in CATALOGUE["prior"].checks if item.name == check]
    result = run_check(Case("prior", build, situations=SITUATIONS), found)
    assert result.outcome is Outcome.FAILED, str(result)
    for word in words:
        assert re.search(word, str(result)), str(result)


def test_every_check_finds_something() -> None:
    assert {check for check, _, _ in PLANTED} >= {check.name for check in PROBABILITIES}


@pytest.mark.parametrize(
    "check", ["learns_the_indices", "fits_itself_in_place", "labels_change_codes", *(c.name for c in PROBABILITIES[:2])]
)
def test_a_sound_prior_that_fits_itself_passes(check: str) -> None:
    [found] = [item for item in CATALOGUE["prior"].checks if item.name == check]
    assert run_check(Case("prior", Counted, situations=SITUATIONS), found).outcome is Outcome.PASSED


def test_a_sound_prior_of_indices_passes() -> None:
    report = check_component(Case("prior", Table, situations=SITUATIONS))
    report.raise_if_failed()
    assert {check.name for check in PROBABILITIES} <= {result.check for result in report.passed}


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_it_passes_with_every_seed(seed: int) -> None:
    for check in PROBABILITIES:
        assert run_check(Case("prior", Table, situations=SITUATIONS, seed=seed), check).outcome is Outcome.PASSED
