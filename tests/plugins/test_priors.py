"""What every prior is held to: densities that integrate to 1, samples that follow them, copies, states, precisions."""

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from priorkit.interfaces import CodeGenerator, Encoder, Learning, Posterior, Prior
from priorkit.plugins import PriorContext, installed_plugins

REGISTRY = installed_plugins()


class SmallEncoder(Encoder):
    """A Gaussian encoder of 4x4 images with batch norm, far from its first statistics."""

    stochastic = True

    def __init__(self, code_dim: int = 2) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2 * code_dim)
        )

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        mean, log_variance = self.body(image).float().chunk(2, dim=1)
        code = mean if noise is None else mean + torch.exp(log_variance / 2) * noise
        return Posterior(code, mean, log_variance)


class SmallGenerator(CodeGenerator):
    def __init__(self, noise_dim: int, code_dim: int) -> None:
        super().__init__()
        self.noise_dim, self.code_dim = noise_dim, code_dim
        self.linear = nn.Linear(noise_dim, code_dim)

    def forward(self, noise: Tensor) -> Tensor:
        return self.linear(noise)


def images(n: int) -> Tensor:
    return torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1


@dataclass(frozen=True)
class Case:
    """A prior with options, and how many classes its condition has."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    classes: int = 0
    code_dim: int = 2

    def __str__(self) -> str:
        words = [self.name, *(f"{key}={value}" for key, value in self.options.items())]
        return " ".join([*words, "labelled"] if self.classes else words)

    def build(self, seed: int = 0, encoder: Encoder | None = None) -> Prior:
        """The prior with parameters somewhat away from where they start."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            context = PriorContext(
                self.code_dim,
                lambda noise_dim, hidden: SmallGenerator(noise_dim, self.code_dim),
                self.classes,
                encoder if encoder is not None else SmallEncoder(self.code_dim).eval(),
                images,
                100,
                self.classes,
            )
            component = REGISTRY.get("prior", self.name).component
            prior: Prior = component.build(component.options(**self.options), context)
            with torch.no_grad():
                for weight in prior.parameters():
                    weight.add_(0.3 * torch.randn(weight.shape))
        return prior

    def condition(self, n: int) -> Tensor | None:
        """Classes 0, 1, 2, 0, ..., one-hot (n, classes)."""
        return torch.eye(self.classes)[torch.arange(n) % self.classes] if self.classes else None


DENSE = [
    Case("gaussian", {"mean": 1.0, "std": 0.5}),
    Case("uniform", {"low": -2.0, "high": 1.5}),
    Case("vampprior", {"pseudo_inputs": 3, "start": "images"}),
    Case("mixture", {"components": 3, "radius": 2.0}),
    Case("mixture", {"components": 4, "learned": True, "means": "random", "radius": 1.0}),
    Case("mixture", {"learned": True, "means": "encodings"}, classes=3),
    Case("tree", {"depth": 2, "branching": 2}),
    *(
        Case("flow", {"kind": kind, "transforms": 2, "hidden": (8,)})
        for kind in ("realnvp", "coupling-nsf", "maf", "nsf")
    ),
    Case("flow", {"transforms": 2, "hidden": (8,)}, classes=3),
]
SAMPLED = [
    Case("swiss-roll"),
    Case("swiss-roll", classes=3),
    Case("labelled-gaussian", classes=3, code_dim=5),
    Case("learned", classes=3),
]

LEARNED = [case for case in DENSE if case.name in ("vampprior", "tree", "flow") or case.options.get("learned")]

dense = pytest.mark.parametrize("case", DENSE, ids=str)
every = pytest.mark.parametrize("case", [*DENSE, *SAMPLED], ids=str)


def test_every_prior_is_looked_at() -> None:
    assert {case.name for case in (*DENSE, *SAMPLED)} == {
        item.component.name for item in REGISTRY.components("prior") if item.distribution == "priorkit"
    }


def draw(prior: Prior, n: int, seed: int, condition: Tensor | None = None) -> Tensor:
    with torch.no_grad():
        return prior.sample(n, condition=condition, generator=torch.Generator().manual_seed(seed))


def density(prior: Prior, codes: Tensor, condition: Tensor | None) -> Tensor:
    return prior.log_prob(codes, condition) if condition is not None else prior.log_prob(codes)


@pytest.mark.parametrize("seed", range(2))
@dense
def test_densities_integrate_to_1_and_samples_follow_them(case: Case, seed: int) -> None:
    n, cells, fine = 20_000, 8, 60
    prior = case.build(seed)
    condition = torch.eye(case.classes)[1:2] if case.classes else None
    codes = draw(prior, n, seed, condition.expand(n, -1) if condition is not None else None)
    low, high = codes.min(0).values - 0.5, codes.max(0).values + 0.5
    # The density at the middles of a fine grid, added up over the cells of a coarse one.
    steps = (torch.arange(cells * fine) + 0.5) / (cells * fine)
    x, y = (low[i] + (high[i] - low[i]) * steps for i in range(2))
    grid = torch.cartesian_prod(x, y)
    with torch.no_grad():
        values = density(prior, grid, condition.expand(len(grid), -1) if condition is not None else None).exp().double()
    area = float((high - low).prod()) / (cells * fine) ** 2
    shares = (values * area).view(cells, fine, cells, fine).sum((1, 3)).flatten()
    assert abs(float(shares.sum()) - 1) < 0.01
    places = ((codes - low) / (high - low) * cells).long().clamp(0, cells - 1)
    counts = torch.bincount(places[:, 0] * cells + places[:, 1], minlength=cells**2).double()
    # Cells in which few are expected make one together.
    rare = shares * n < 10
    expected = torch.cat([shares[~rare], shares[rare].sum()[None] + 1e-9]) / (shares.sum() + 1e-9) * n
    found = torch.cat([counts[~rare], counts[rare].sum()[None]])
    if expected[-1] < 10:
        expected = torch.cat([expected[:-2], expected[-2:].sum()[None]])
        found = torch.cat([found[:-2], found[-2:].sum()[None]])
    assert len(expected) > 8
    assert scipy.stats.chisquare(found, expected * found.sum() / expected.sum()).pvalue > 1e-7


@every
@settings(deadline=None, max_examples=5)
@given(n=st.integers(1, 6), seed=st.integers(0, 2**63 - 1))
def test_noise_decides_alone(case: Case, n: int, seed: int) -> None:
    prior, condition = case.build(), case.condition(n)
    before = torch.get_rng_state()
    noise = prior.noise(n, generator=torch.Generator().manual_seed(seed))
    codes, again = draw(prior, n, seed, condition), draw(prior, n, seed, condition)
    other = draw(prior, n, seed ^ 1, condition)
    assert torch.equal(torch.get_rng_state(), before)
    assert len(noise) == n
    assert noise.dtype == codes.dtype == torch.float32
    assert codes.shape == (n, prior.code_dim) == (n, case.code_dim)
    assert torch.equal(codes, again)
    assert not torch.equal(codes, other)
    # One code depends on its own noise alone.
    first = prior(noise[:1], condition[:1]) if condition is not None else prior(noise[:1])
    torch.testing.assert_close(first, codes[:1], rtol=1e-5, atol=1e-5)


@every
def test_copies_are_copies(case: Case) -> None:
    prior = case.build()
    before, condition = draw(prior, 7, 0, case.condition(7)), case.condition(7)
    copied = copy.deepcopy(prior)
    assert torch.equal(draw(copied, 7, 0, condition), before)
    with torch.no_grad():
        for weight in copied.parameters():
            weight.add_(1)
    assert torch.equal(draw(prior, 7, 0, condition), before)
    if prior.learning is not Learning.FIXED:
        assert not torch.equal(draw(copied, 7, 0, condition), before)


@every
def test_states_are_whole(case: Case) -> None:
    encoder = SmallEncoder(case.code_dim).eval()
    one, other = case.build(1, encoder), case.build(2, encoder)
    condition = case.condition(7)
    if prior_learns := one.learning is not Learning.FIXED:
        assert not torch.equal(draw(one, 7, 0, condition), draw(other, 7, 0, condition))
    other.load_state_dict(one.state_dict())
    assert torch.equal(draw(one, 7, 0, condition), draw(other, 7, 0, condition))
    assert prior_learns == any(True for _ in one.parameters())


@dense
def test_half_precision_is_computed_in_float32(case: Case) -> None:
    prior, condition = case.build(), case.condition(9)
    codes = draw(prior, 9, 0, condition).bfloat16()
    exact = density(prior, codes.float(), condition)
    found = density(prior, codes, condition)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact)
    with torch.autocast("cpu", torch.bfloat16):
        found = density(prior, codes, condition)
    assert found.dtype == torch.float32
    # The encoder of a VampPrior computes as the run does.
    tolerance = {"rtol": 0.2, "atol": 0.2} if case.name == "vampprior" else {}
    torch.testing.assert_close(found, exact, **tolerance)


@dense
def test_the_density_teaches_every_parameter(case: Case) -> None:
    prior, condition = case.build(), case.condition(40)
    codes = draw(prior, 40, 0, condition)
    assert prior.has_density
    assert (prior.learning is Learning.LIKELIHOOD) == any(True for _ in prior.parameters())
    for name, weight in prior.named_parameters():
        prior.zero_grad()
        (-density(prior, 1.5 * codes, condition).mean()).backward()
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("case", LEARNED, ids=str)
def test_learning_raises_the_density(case: Case) -> None:
    prior = case.build()
    assert prior.learning is Learning.LIKELIHOOD
    condition = case.condition(60)
    codes = torch.randn(60, 2, generator=torch.Generator().manual_seed(3)) * torch.tensor([1.0, 0.3]) + 0.5
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = -density(prior, codes, condition).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.05


@every
def test_what_a_prior_says_of_itself(case: Case) -> None:
    prior, condition = case.build(), case.condition(6)
    codes = draw(prior, 6, 0, condition)
    assert prior.takes_condition == (case.classes > 0)
    if not prior.has_density:
        with pytest.raises(TypeError, match="has no density"):
            prior.log_prob(codes)
    if not prior.clusters:
        with pytest.raises(TypeError, match="has no clusters"):
            prior.responsibilities(codes)
        return
    parts = prior.responsibilities(codes)
    assert parts.shape == (6, prior.clusters)
    torch.testing.assert_close(parts.sum(1), torch.ones(6))


@every
def test_shapes_are_enough_to_compute_with(case: Case) -> None:
    # On the meta device whatever reads a value is an error.
    encoder = SmallEncoder(case.code_dim)
    prior = case.build(encoder=encoder).to("meta")
    encoder.to("meta")
    meta = torch.device("meta")
    condition = torch.empty(5, case.classes, device=meta) if case.classes else None
    noise = prior.noise(5, device=meta)
    codes = prior(noise, condition) if condition is not None else prior(noise)
    assert codes.shape == (5, case.code_dim)
    if prior.has_density:
        assert density(prior, codes, condition).shape == (5,)
    if prior.clusters:
        assert prior.responsibilities(codes).shape == (5, prior.clusters)
        assert prior.distribution().event_shape == (case.code_dim,)
