"""The checks of posteriors find planted defects, in encoders without other defects."""

import math
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from priorkit.interfaces import CodeSpace, Encoder, ImageShape, Posterior
from priorkit.plugins import EncoderContext
from priorkit.testing import Case, Outcome, Situations, check_component
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.checks.posteriors import POSTERIORS
from priorkit.testing.conformance import run_check

SITUATIONS = Situations(code_dims=(2, 1, 3), shapes=(ImageShape(1, 16),), examples=2)


class Skewed(Encoder):
    """A sound encoder whose posteriors are normal with full covariance, squashed: they have no log_variance."""

    stochastic = True

    def __init__(self, context: EncoderContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.body = context.networks.encoder(self.code_dim + self.code_dim**2)

    def parameters_of(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean, factor = self.body(image).float().split([self.code_dim, self.code_dim**2], dim=1)
        square = factor.view(-1, self.code_dim, self.code_dim)
        diagonal = torch.diag_embed(functional.softplus(square.diagonal(dim1=1, dim2=2)) + 0.3)
        return mean, square.tril(-1) + diagonal

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        mean, factor = self.parameters_of(image)
        given = torch.zeros_like(mean) if noise is None else noise
        free = mean + (factor @ given[:, :, None])[:, :, 0]
        return Posterior(torch.sinh(free), torch.sinh(mean), log_prob=self.log_prob(given, factor, free))

    def log_prob(self, noise: Tensor, factor: Tensor, free: Tensor) -> Tensor:
        log_determinant = factor.diagonal(dim1=1, dim2=2).log().sum(1) + free.cosh().log().sum(1)
        return self.normal(noise) - log_determinant

    def normal(self, noise: Tensor) -> Tensor:
        return (-0.5 * noise.square() - 0.5 * math.log(math.tau)).sum(1)


class OnTheSphere(Skewed):
    """A sound encoder whose codes lie on a sphere: their density is with respect to its surface."""

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        found = super().forward(image, noise)
        return Posterior(
            *(functional.normalize(each, dim=1) for each in (found.code, found.mean)), log_prob=found.log_prob
        )


class NoNormaliser(Skewed):
    def normal(self, noise: Tensor) -> Tensor:
        return -0.5 * noise.square().sum(1)


class NoDeterminant(Skewed):
    def log_prob(self, noise: Tensor, factor: Tensor, free: Tensor) -> Tensor:
        return self.normal(noise) - factor.diagonal(dim1=1, dim2=2).log().sum(1)


class OfTheMean(Skewed):
    def log_prob(self, noise: Tensor, factor: Tensor, free: Tensor) -> Tensor:
        return super().log_prob(0 * noise, factor, free)


class Quantising(Encoder):
    """A sound quantising encoder with its own loss; its maps allow mistakes in the order of positions and channels."""

    entries = 5

    def __init__(self, context: EncoderContext) -> None:
        super().__init__()
        if len(context.codes.shape) != 3:
            raise ValueError("quantises maps")
        self.channels, height, width = context.codes.shape
        self.code_dim = context.code_dim
        self.codes = CodeSpace((height, width), self.entries)
        self.body = context.networks.encoder(context.code_dim)
        self.codebook = nn.Parameter(torch.randn(5, self.channels))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        unquantised = self.body(image).float()
        vectors = unquantised.detach().unflatten(1, (self.channels, -1)).mT
        indices = (vectors[:, :, None] - self.codebook.detach()).square().sum(3).argmin(2)
        nearest = Quantising.embed(self, indices)
        code = unquantised + (nearest - unquantised).detach()
        terms = self.terms(unquantised, nearest)
        return Posterior(code, code, terms=terms, unquantised=unquantised, indices=self.indices(indices))

    def terms(self, unquantised: Tensor, nearest: Tensor) -> dict[str, Tensor]:
        distance = (unquantised - nearest).square().mean()
        return {"codebook": distance, "commitment": (unquantised - nearest.detach()).square().mean()}

    def indices(self, indices: Tensor) -> Tensor:
        return indices

    def embed(self, codes: Tensor) -> Tensor:
        return self.codebook[codes].mT.flatten(1)


class DetachedTerm(Quantising):
    def terms(self, unquantised: Tensor, nearest: Tensor) -> dict[str, Tensor]:
        terms = super().terms(unquantised, nearest)
        return {**terms, "commitment": terms["commitment"].detach()}


class TermOfEachImage(Quantising):
    def terms(self, unquantised: Tensor, nearest: Tensor) -> dict[str, Tensor]:
        return {"codebook": (unquantised - nearest).square().mean(1)}


class TermOfAnother(Quantising):
    def terms(self, unquantised: Tensor, nearest: Tensor) -> dict[str, Tensor]:
        return {"reconstruction": super().terms(unquantised, nearest)["codebook"]}


class InfiniteTerm(Quantising):
    def terms(self, unquantised: Tensor, nearest: Tensor) -> dict[str, Tensor]:
        return {"codebook": super().terms(unquantised, nearest)["codebook"] / 0}


class NoIndices(Quantising):
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        found = super().forward(image)
        return Posterior(found.code, found.mean, terms=found.terms)


class SaysNothing(Quantising):
    def __init__(self, context: EncoderContext) -> None:
        super().__init__(context)
        self.codes = None


class FromOne(Quantising):
    def indices(self, indices: Tensor) -> Tensor:
        return indices + 5


class IndicesAsFloats(Quantising):
    def indices(self, indices: Tensor) -> Tensor:
        return indices.float()


class PlacesFirst(Quantising):
    def embed(self, codes: Tensor) -> Tensor:
        return self.codebook[codes].flatten(1)


class Unflattened(Quantising):
    def embed(self, codes: Tensor) -> Tensor:
        return self.codebook[codes].mT


class UnquantisedMap(Quantising):
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        found = super().forward(image)
        assert found.unquantised is not None
        shaped = found.unquantised.unflatten(1, (self.channels, -1))
        return Posterior(found.code, found.mean, terms=found.terms, unquantised=shaped, indices=found.indices)


class EmbedsVectors(Skewed):
    def embed(self, codes: Tensor) -> Tensor:
        return 2 * codes


class Categorical(Quantising):
    """A sound encoder that draws indices with the noise of the first channel, and returns their log-probability."""

    stochastic = True
    entries = 2

    def __init__(self, context: EncoderContext) -> None:
        super().__init__(context)
        vectors = self.codebook.detach().clone()
        del self.codebook
        self.register_buffer("codebook", vectors)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        logits = self.body(image).float()[:, : self.codes.dim]  # type: ignore[union-attr]
        threshold = (
            torch.special.ndtr(noise[:, : logits.shape[1]]) if noise is not None else torch.full_like(logits, 0.5)
        )
        indices = (threshold < logits.sigmoid()).long()
        each = functional.logsigmoid(torch.where(indices == 1, logits, -logits))
        spread = logits.repeat(1, self.channels)
        code = spread + (self.embed(indices) - spread).detach()
        mean = spread + (self.embed((logits > 0).long()) - spread).detach()
        return Posterior(code, mean, log_prob=self.joint(each), indices=indices)

    def joint(self, each: Tensor) -> Tensor:
        return each.sum(1)


class OfOneIndex(Categorical):
    def joint(self, each: Tensor) -> Tensor:
        return each.mean(1)


PLANTED = [
    ("densities_are_those_of_the_draws", NoNormaliser, ("by the density of its noise", r"\(2 pi\)\^\(-D/2\)")),
    ("densities_are_those_of_the_draws", NoDeterminant, ("by the density of its noise", "determinant")),
    ("densities_are_those_of_the_draws", OfTheMean, ("by the density of its noise", "of the mean")),
    ("densities_are_those_of_the_draws", OfOneIndex, ("are drawn with frequency", "log-probabilities of all")),
    ("terms_are_losses", DetachedTerm, ("no gradient of the term 'commitment'", "detached on both")),
    ("terms_are_losses", TermOfEachImage, ("'codebook' is not a scalar", "mean over the batch")),
    ("terms_are_losses", TermOfAnother, ("named 'reconstruction'", "name it after")),
    ("terms_are_losses", InfiniteTerm, ("the term 'codebook' is inf",)),
    ("indices_are_of_the_codebook", NoIndices, ("have no indices", "left out")),
    ("indices_are_of_the_codebook", SaysNothing, ("does not describe them", "CodeSpace")),
    ("indices_are_of_the_codebook", FromOne, ("codebook has 5 entries", "count")),
    ("indices_are_of_the_codebook", IndicesAsFloats, ("indices are torch.float32", "flat")),
    ("indices_are_of_the_codebook", PlacesFirst, ("differs from embed", "channels and positions")),
    ("indices_are_of_the_codebook", Unflattened, ("embed\\(\\) gives torch.float32 of shape", "channels first")),
    ("indices_are_of_the_codebook", UnquantisedMap, ("unquantised has shape",)),
    ("indices_are_of_the_codebook", EmbedsVectors, ("embed\\(\\) changes codes", "do not override embed")),
]


@pytest.mark.parametrize(("check", "build", "words"), PLANTED)
def test_planted_defects_are_found(
    check: str, build: Callable[[EncoderContext], Encoder], words: tuple[str, ...]
) -> None:
    [found] = [item for item in CATALOGUE["encoder"].checks if item.name == check]
    result = run_check(Case("encoder", build, situations=SITUATIONS), found)
    assert result.outcome is Outcome.FAILED, str(result)
    for word in words:
        assert re.search(word, str(result)), str(result)


def test_every_check_finds_something() -> None:
    assert {check for check, _, _ in PLANTED} == {check.name for check in POSTERIORS}


@pytest.mark.parametrize("build", [Skewed, OnTheSphere, Quantising, Categorical])
def test_sound_encoders_pass(build: type[Encoder]) -> None:
    report = check_component(Case("encoder", build, situations=SITUATIONS))
    report.raise_if_failed()
    looked_at = {
        Skewed: {"densities_are_those_of_the_draws"},
        OnTheSphere: set(),
        Quantising: {"terms_are_losses", "indices_are_of_the_codebook"},
        Categorical: {"densities_are_those_of_the_draws", "indices_are_of_the_codebook"},
    }
    names = {check.name for check in POSTERIORS}
    assert {result.check for result in report.passed} & names == looked_at[build]


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 5))])
def test_a_sound_density_passes_with_every_seed(seed: int) -> None:
    for check in POSTERIORS:
        assert run_check(Case("encoder", Skewed, situations=SITUATIONS, seed=seed), check).outcome is not Outcome.FAILED
