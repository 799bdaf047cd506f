"""The checks of supports and their measures find planted defects."""

import math
import re

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from priorkit.interfaces import Encoder, ImageShape, Posterior, Prior, Space, Support
from priorkit.plugins import EncoderContext, PriorContext
from priorkit.testing import Case, Outcome, Situations
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.checks.supports import PRIOR_SUPPORTS
from priorkit.testing.conformance import run_check

SITUATIONS = Situations(code_dims=(2, 3, 5), codes=(), classes=(0,), shapes=(ImageShape(1, 16),), examples=2)
CHECKS = ("codes_lie_in_the_support", "densities_are_by_the_measure", "densities_add_up_on_the_support")


class Circling(Prior):
    """A sound prior: a normal distribution around (1, 1, ...), projected to the sphere, with respect to its surface."""

    has_density = True
    support = Support(Space.SPHERE)

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.register_buffer("mean", torch.full((self.code_dim,), 0.4))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return functional.normalize(noise + self.mean, dim=1)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the integral over lengths r of r^(D-1) N(r code; mean, I)."""
        code = code.float()
        lengths = torch.linspace(0, 12, 400, device=code.device)[1:]
        along = code @ self.mean
        squares = self.mean.square().sum() - 2 * lengths * along[:, None] + lengths.square()
        logs = (self.code_dim - 1) * lengths.log() - 0.5 * squares - self.code_dim / 2 * math.log(math.tau)
        return logs.logsumexp(1) + math.log(12 / 399) + self.constant()

    def constant(self) -> float:
        return 0.0


class LeavesTheSphere(Circling):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return 1.1 * super().forward(noise)


class OfTheCircumference(Circling):
    def constant(self) -> float:
        return math.log(math.tau)


class LooksElsewhere(Circling):
    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().log_prob(-code)


class Softened(Prior):
    """A sound prior, uniform on the simplex: exponential numbers, divided by their sum."""

    has_density = True
    support = Support(Space.SIMPLEX)

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        sizes = -torch.log1p(-noise) + 1e-9
        return sizes / sizes.sum(1, keepdim=True)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.full_like(code[:, 0].float(), self.constant()) + 0 * code.float().sum(1)

    def constant(self) -> float:
        return math.lgamma(self.code_dim)


class ByTheEdges(Softened):
    """The density with respect to the simplex's surface, which is sqrt(D) times as large as its projection."""

    def constant(self) -> float:
        return super().constant() - 0.5 * math.log(self.code_dim)


class Pointing(Prior):
    """A sound prior of one-hot codes; the first code is twice as likely as each of the others."""

    has_density = True
    support = Support(Space.ONE_HOT)

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.register_buffer("shares", torch.tensor([2.0] + [1.0] * (self.code_dim - 1)) / (self.code_dim + 1))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.rand(n, 1, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return functional.one_hot((noise > self.shares.cumsum(0)[:-1]).sum(1), self.code_dim).float()

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return (code.float() * self.logits()).sum(1)

    def logits(self) -> Tensor:
        return self.shares.log()


class AllAlike(Pointing):
    def logits(self) -> Tensor:
        return torch.full_like(self.shares, -math.log(self.code_dim))


PLANTED = [
    ("codes_lie_in_the_support", LeavesTheSphere, "256 of 256 codes do not lie in the unit sphere"),
    ("densities_are_by_the_measure", OfTheCircumference, r"the density there is (6|[67]\.\d+) times that"),
    ("densities_are_by_the_measure", LooksElsewhere, "times that of the samples"),
    ("densities_are_by_the_measure", ByTheEdges, r"the density there is 0\.[67]\d* times that"),
    ("densities_are_by_the_measure", AllAlike, "are drawn with frequency .*, but log_prob says"),
    ("densities_add_up_on_the_support", OfTheCircumference, r"integrates to 6\.\d+"),
    ("densities_add_up_on_the_support", ByTheEdges, r"integrates to 0\.7\d*"),
]


@pytest.mark.parametrize(("check", "build", "words"), PLANTED)
def test_planted_defects_are_found(check: str, build: type[Prior], words: str) -> None:
    [found] = [item for item in CATALOGUE["prior"].checks if item.name == check]
    result = run_check(Case("prior", build, situations=SITUATIONS), found)
    assert result.outcome is Outcome.FAILED, str(result)
    assert re.search(words, str(result)), str(result)


def test_every_check_finds_something() -> None:
    assert {check for check, _, _ in PLANTED} == {check.name for check in PRIOR_SUPPORTS}


@pytest.mark.parametrize("build", [Circling, Softened, Pointing])
def test_sound_priors_pass(build: type[Prior]) -> None:
    results = outcomes("prior", build)
    looked_at = set(CHECKS) - ({"densities_add_up_on_the_support"} if build is Pointing else set())
    assert {name for name, outcome in results.items() if outcome is Outcome.PASSED} == looked_at
    assert Outcome.FAILED not in results.values()


def outcomes(slot: str, build: type[Prior] | type[Encoder]) -> dict[str, Outcome]:
    """Returns the results of the checks of densities and supports."""
    about = ("densities_", "codes_lie", "samples_follow")
    checks = [check for check in CATALOGUE[slot].checks if check.name.startswith(about)]
    return {check.name: run_check(Case(slot, build, situations=SITUATIONS), check).outcome for check in checks}


class OnTheCircle(Encoder):
    """A sound encoder: an angle with normal noise, whose density is wrapped around the circle."""

    stochastic = True
    support = Support(Space.SPHERE)

    def __init__(self, context: EncoderContext) -> None:
        super().__init__()
        if context.code_dim != 2:
            raise ValueError("codes are those of a circle: use --code-dim 2")
        self.code_dim = 2
        self.body = context.networks.encoder(2)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        angle, log_deviation = self.body(image).float().tanh().split(1, dim=1)
        given = torch.zeros_like(angle) if noise is None else noise[:, :1]
        turned = angle + log_deviation.exp() * given
        turns = math.tau * torch.arange(-4, 5, device=angle.device)
        ways = given + turns / log_deviation.exp()
        log_prob = (-0.5 * ways.square() - 0.5 * math.log(math.tau) - log_deviation).logsumexp(1)
        return Posterior(self.at(turned), self.at(angle), log_prob=log_prob + self.constant())

    def at(self, angle: Tensor) -> Tensor:
        return torch.cat([angle.cos(), angle.sin()], dim=1)

    def constant(self) -> float:
        return 0.0


class OffTheCircle(OnTheCircle):
    def at(self, angle: Tensor) -> Tensor:
        return 2 * super().at(angle)


class InTurns(OnTheCircle):
    def constant(self) -> float:
        return math.log(math.tau)


@pytest.mark.parametrize(
    ("check", "build", "words"),
    [
        ("codes_lie_in_the_support", OffTheCircle, "of usual inputs do not lie in the unit sphere"),
        ("densities_are_those_of_the_draws", InTurns, r"the density there is [67]\.\d+ times that"),
    ],
)
def test_planted_defects_of_encoders_are_found(check: str, build: type[Encoder], words: str) -> None:
    [found] = [item for item in CATALOGUE["encoder"].checks if item.name == check]
    result = run_check(Case("encoder", build, situations=SITUATIONS), found)
    assert result.outcome is Outcome.FAILED, str(result)
    assert re.search(words, str(result)), str(result)


def test_a_sound_encoder_passes() -> None:
    assert set(outcomes("encoder", OnTheCircle).items()) == {
        ("codes_lie_in_the_support", Outcome.PASSED),
        ("densities_are_those_of_the_draws", Outcome.PASSED),
    }
