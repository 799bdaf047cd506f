"""Priors without defects, to which tests add one, and the search for such a defect."""

import math
import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.testing import Case, Outcome, Situations
from priorkit.testing.conformance import checks_of, run_check

PARTS = 3


class Blend(Prior):
    """A mixture of three Gaussians, one for each class if there are classes, learned by likelihood. Without defects."""

    learning = Learning.LIKELIHOOD
    has_density = True
    clusters = PARTS

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        if context.condition_dim != context.classes:
            raise ConfigurationError("each part is a class, and this condition is none")
        self.takes_condition = context.classes > 0
        self.mean = nn.Parameter(1.5 * torch.randn(PARTS, self.code_dim))
        self.log_std = nn.Parameter(torch.full((PARTS, self.code_dim), -0.7))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        which = torch.rand(n, 1, generator=generator, device=device)
        return torch.cat([which, torch.randn(n, self.code_dim, generator=generator, device=device)], dim=1)

    def weights(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        if condition is not None:
            return condition
        return nn.functional.one_hot((noise[:, 0] * PARTS).long().clamp(max=PARTS - 1), PARTS).to(noise.dtype)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        weights = self.weights(noise, condition)
        return weights @ self.mean + (weights @ self.log_std.exp()) * noise[:, 1:]

    def log_parts(self, code: Tensor) -> Tensor:
        """Returns log-densities in every dimension: (N, parts, code_dim)."""
        standard = (code.float()[:, None] - self.mean) / self.log_std.exp()
        return -standard.square() / 2 - self.log_std - math.log(math.tau) / 2

    def log_weights(self, condition: Tensor | None) -> Tensor:
        return torch.tensor(-math.log(PARTS)) if condition is None else condition.clamp(min=1e-30).log()

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        parts = self.log_parts(code).sum(2)
        return (parts + self.log_weights(condition).to(parts.device)).logsumexp(1)

    def responsibilities(self, code: Tensor) -> Tensor:
        return self.log_parts(code).sum(2).softmax(1)


class Bell(Prior):
    """A Gaussian, learned by likelihood, that takes no condition. Without defects."""

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.mean = nn.Parameter(torch.ones(self.code_dim))
        self.log_std = nn.Parameter(torch.full((self.code_dim,), -0.7))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mean + self.log_std.exp() * noise

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        log_density: Tensor = self.distribution().log_prob(code.float())
        return log_density

    def distribution(self) -> Any:
        return Independent(Normal(self.mean, self.log_std.exp(), validate_args=False), 1, validate_args=False)

    def parameter_loss(self) -> Tensor | None:
        return self.mean.square().sum() / 100


class Pushed(Prior):
    """A code generator's prior, which takes a condition. Without defects."""

    learning = Learning.ADVERSARIAL

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.takes_condition = context.condition_dim > 0
        self.generator = context.code_generator(3, context.condition_dim)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, 3, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        codes: Tensor = self.generator(noise if condition is None else torch.cat([noise, condition], dim=1))
        return codes


@dataclass(frozen=True)
class Planted:
    """A defect, the check that finds it, and a pattern of its message."""

    check: str
    subject: Any
    says: str

    def __str__(self) -> str:
        name = getattr(self.subject, "__name__", None) or self.subject.options.__name__
        return f"{self.check}-{name}"

    def must_be_found(self) -> None:
        """Requires that the check finds the defect, with such a message."""
        case = Case("prior", self.subject, situations=Situations(code_dims=(2, 1, 5)))
        (check,) = [check for check in checks_of(case) if check.name == self.check]
        result = run_check(case, check)
        assert result.outcome is Outcome.FAILED
        words = " ".join(str(result).split())
        assert re.search(self.says, words), words
