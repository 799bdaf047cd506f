"""Systems whose codes are maps, or indices of a codebook."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.config import RunConfig
from priorkit.data import DataSummary, load_data, to_float
from priorkit.data.kept_codes import KeptCodes
from priorkit.engine import DataOrder, Precision, seed_for
from priorkit.errors import ConfigurationError
from priorkit.interfaces import (
    CodeKind,
    CodeSpace,
    Encoder,
    ImageSet,
    ImageShape,
    Learning,
    Posterior,
    Prior,
    Regularizer,
)
from priorkit.models import BuiltSystem, build_system
from priorkit.plugins import Component, EncoderContext, PriorContext, RegularizerContext
from priorkit.registry import Registry
from priorkit.training import Session
from priorkit_plugins.phases.autoencoder import AutoencoderPhase
from priorkit_plugins.phases.code_fitting import CodeFittingPhase

SHAPE = ImageShape(1, 16)
CPU = Precision(torch.device("cpu"), torch.float32)
ENTRIES = 5
MAPS: Mapping[str, Any] = {"networks": {"name": "mlp", "hidden": 6}, "code_dim": 3, "code_size": 2}
INDICES: Mapping[str, Any] = {**MAPS, "encoder": "quantiser", "prior": "table", "regularizer": "none", "loss": "pixel"}


class Quantiser(Encoder):
    """Replaces the vectors of a map by the nearest ones of a codebook, and pulls them there."""

    def __init__(self, context: EncoderContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.channels, height, width = context.codes.shape
        self.codes = CodeSpace((height, width), ENTRIES)
        self.body = context.networks.encoder(context.code_dim)
        self.codebook = nn.Parameter(torch.randn(ENTRIES, self.channels))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        unquantised = self.body(image).float()
        vectors = unquantised.detach().unflatten(1, (self.channels, -1)).mT
        indices = (vectors[:, :, None] - self.codebook.detach()).square().sum(3).argmin(2)
        nearest = self.embed(indices)
        code = unquantised + (nearest - unquantised).detach()
        terms = {"pull": (unquantised - nearest).square().mean()}
        return Posterior(code, code, terms=terms, unquantised=unquantised, indices=indices)

    def embed(self, codes: Tensor) -> Tensor:
        return self.codebook[codes].mT.flatten(1)


class Table(Prior):
    """How often each entry stands at each place, learned from codes."""

    kinds = (CodeKind.INDICES,)
    learning = Learning.CODES
    has_density = True

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.entries = context.codes.entries or 2
        self.logits = nn.Parameter(torch.zeros(self.code_dim, self.entries))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return (self.logits.softmax(1).cumsum(1) < noise[:, :, None]).sum(2).clamp(max=self.entries - 1)

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.logits.log_softmax(1).expand(len(code), -1, -1).gather(2, code[:, :, None]).sum((1, 2))

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return -self.log_prob(code).mean()


class Fools(Table):
    improvement = 0.1


class FloatIndices(Table):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise).float()


class Outside(Table):
    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(noise) + ENTRIES


class OnlyMaps(Prior):
    kinds = (CodeKind.MAP,)

    def __init__(self, context: PriorContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return noise


class Criticised(Regularizer):
    kinds = tuple(CodeKind)
    has_critic = True

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        return {}


class NamesAnother(Quantiser):
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        found = super().forward(image)
        return replace(found, terms={"reconstruction": found.terms["pull"]})


class NoIndices(Quantiser):
    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        return replace(super().forward(image), indices=None)


class SaysVectors(Quantiser):
    def __init__(self, context: EncoderContext) -> None:
        super().__init__(context)
        self.codes = None


class Spread(Encoder):
    """Posteriors of its own kind, with a density."""

    stochastic = True

    def __init__(self, context: EncoderContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.body = context.networks.encoder(context.code_dim)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        mean = self.body(image).float()
        given = torch.zeros_like(mean) if noise is None else noise
        return Posterior(mean + given.sinh(), mean, log_prob=-given.square().sum(1) / 2)


@pytest.fixture
def spaces(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]], contexts: dict[str, Any]
) -> Registry:
    def kept(slot: str, build: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        def made(options: Any, context: Any) -> Any:
            contexts[slot] = context
            return build(context)

        return made

    encoders = {
        "quantiser": Quantiser,
        "names-another": NamesAnother,
        "no-indices": NoIndices,
        "says-vectors": SaysVectors,
        "spread": Spread,
    }
    priors = {"table": Table, "fools": Fools, "floats": FloatIndices, "outside": Outside, "only-maps": OnlyMaps}
    more = [("encoder", make_component(name, kept("encoder", made))) for name, made in encoders.items()]
    more += [("prior", make_component(name, kept("prior", made))) for name, made in priors.items()]
    more += [("regularizer", make_component("criticised", kept("regularizer", lambda context: Criticised())))]
    return make_registry(more)


@pytest.fixture
def contexts() -> dict[str, Any]:
    """The contexts that components of the tests were built with, by slot."""
    return {}


@pytest.fixture
def build(spaces: Registry, tiny_config: Callable[..., RunConfig]) -> Callable[..., BuiltSystem]:
    def make(recipe: str = "vae", **changes: Any) -> BuiltSystem:
        return build_system(tiny_config(recipe, spaces, **changes), spaces, DataSummary(SHAPE))

    return make


@pytest.fixture
def session(spaces: Registry, tiny_config: Callable[..., RunConfig]) -> Callable[..., Session]:
    def make(recipe: str = "vae", **changes: Any) -> Session:
        config = tiny_config(recipe, spaces, **changes)
        return Session(config, spaces, load_data(config, spaces))

    return make


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("vae", {}),
        ("vae", {"encoder": "noisy", "regularizer": "mmd"}),
        ("aae", {}),
        ("learned", {"reconstructions_as_fakes": True}),
        ("learned", {"encoder": "none"}),
        ("flow-vae", {}),
        ("vampprior", {}),
        ("matched", {}),
        ("learned-supervised", {}),
    ],
)
def test_systems_of_vectors_are_trained_with_maps(
    recipe: str, changes: dict[str, Any], session: Callable[..., Session]
) -> None:
    one = session(recipe, **{**MAPS, **changes})
    one.step()
    assert one.system.codes == CodeSpace((3, 2, 2))
    assert one.system.code_dim == 12
    model = one.model
    assert model.code_space == CodeSpace((3, 2, 2))
    assert model.codes(3).shape == (3, 12)
    assert model.sample(3).shape == (3, 1, 16, 16)


def test_components_are_told_the_space_of_codes(build: Callable[..., BuiltSystem], contexts: dict[str, Any]) -> None:
    build(**{**INDICES, "regularizer": "none"})
    encoder, prior = contexts["encoder"], contexts["prior"]
    assert isinstance(encoder, EncoderContext)
    assert (encoder.code_dim, encoder.codes) == (12, CodeSpace((3, 2, 2)))
    assert isinstance(prior, PriorContext)
    assert (prior.code_dim, prior.codes) == (4, CodeSpace((2, 2), ENTRIES))
    assert (prior.code_generator(2, 0).code_dim) == 4
    with pytest.raises(ConfigurationError):
        build(**{**INDICES, "regularizer": "criticised"})
    regularizer = contexts["regularizer"]
    assert isinstance(regularizer, RegularizerContext)
    assert regularizer.codes == CodeSpace((2, 2), ENTRIES)


def test_codes_of_the_prior_are_decoded_by_the_codebook(session: Callable[..., Session]) -> None:
    one = session(**INDICES)
    for _ in range(2):
        one.step()
    model = one.model
    encoder = model.encoder
    assert isinstance(encoder, Quantiser)
    codes = model.codes(5, seed=1)
    assert codes.dtype == torch.int64
    with model.ready():
        expected = model.decoder(encoder.codebook[codes].mT.flatten(1))
    assert torch.equal(model.decode(codes, from_prior=True), expected)
    assert torch.equal(model.sample(5, seed=1), expected)
    assert torch.equal(model.vectors(codes), encoder.codebook[codes].mT.flatten(1))
    images = torch.rand(4, 1, 16, 16) * 2 - 1
    with model.ready():
        assert torch.equal(model.encode(images), encoder(images).indices)
        assert torch.equal(model.reconstruct(images), model.reconstruction_decoder(encoder.embed(model.encode(images))))


def test_the_encoder_descends_its_own_terms(session: Callable[..., Session]) -> None:
    phase = AutoencoderPhase(session(**INDICES).system)
    images = torch.rand(6, 1, 16, 16) * 2 - 1
    (move,) = phase.moves(images, phase.noise(6, torch.Generator().manual_seed(0), torch.device("cpu")))
    assert set(move.terms) == {"reconstruction", "pull"}
    torch.testing.assert_close(move.terms["pull"], phase.encoder(images).terms["pull"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prior": "gaussian"}, r"--prior gaussian: it is a prior of vectors or maps, .* quantiser are indices; use a"),
        ({"regularizer": "kl"}, r"--regularizer kl: it is for codes that are vectors or maps, .*--regularizer none"),
        ({"prior": "fools"}, r"--prior fools: .* no gradient leads through indices; use a prior that learns from"),
        ({"regularizer": "criticised"}, r"--regularizer criticised: no gradient leads from its critic"),
        (
            {"prior": "floats"},
            r"--prior floats: it gives torch.float32 codes .* int64 indices of 5 .* a mistake in",
        ),
        ({"prior": "outside"}, r"--prior outside: it gives torch.int64 codes from 5 to .* int64 indices of 5 entries"),
        ({"encoder": "names-another"}, r"--encoder names-another: its loss term 'reconstruction' has the name"),
        ({"encoder": "no-indices"}, r"--encoder no-indices: its codes are indices .* and it gives none; this is a"),
        (
            {"encoder": "says-vectors", "prior": "gaussian"},
            r"--encoder says-vectors: its codes are maps of shape \(3, 2, 2\), and it gives indices; this is a mistake",
        ),
        ({"encoder": "deterministic"}, r"--prior table: it is a prior of indices, .* are maps; use another, such as"),
        (
            {"encoder": "deterministic", "prior": "only-maps", "code_size": None},
            r"a prior of maps, .* are vectors; use",
        ),
        ({"networks": "began"}, r"do not support maps as codes; choose --networks residual, dcgan or mlp, or leave"),
        ({"networks": {"name": "dcgan", "width": 2}, "code_size": 3}, r"maps of 3x3 do not fit .* 1, 2, 4, 8$"),
    ],
)
def test_what_does_not_go_together_is_refused(
    changes: dict[str, Any], told: str, build: Callable[..., BuiltSystem]
) -> None:
    with pytest.raises(ConfigurationError, match=told) as error:
        build(**{**INDICES, **changes})
    assert "\n" not in str(error.value)


def kept_codes(one: Session, seed: int = 3) -> KeptCodes:
    encoder = one.model.encoder
    assert encoder is not None
    kept = KeptCodes(ImageSet(one.data.train.take(torch.arange(20))), 20, seed=seed, precision=CPU, channels_last=False)
    kept.encode_with(encoder)
    return kept


def test_kept_codes_of_a_quantising_encoder_are_indices(session: Callable[..., Session]) -> None:
    one = session(**INDICES)
    kept, model = kept_codes(one).at(0), one.model
    assert kept.dtype == torch.int64
    images = to_float(one.data.train.take(torch.arange(20)))[DataOrder(20, 3).batch(0, 20)]
    assert torch.equal(kept, model.encode(images))
    phase = CodeFittingPhase(one.system)
    (move,) = phase.moves(kept, phase.noise(20, torch.Generator(), torch.device("cpu")))
    torch.testing.assert_close(move.terms["codes"], one.system.prior.code_loss(kept, kept))


def test_one_draw_is_kept_of_posteriors_that_are_not_normal(session: Callable[..., Session]) -> None:
    one = session("vae", encoder="spread", **MAPS)
    kept, again, other = (kept_codes(one, seed).at(0) for seed in (3, 3, 4))
    assert kept.shape == (20, 12)
    assert torch.equal(kept, again)
    assert not torch.equal(kept.sort(0).values, other.sort(0).values)
    encoder = one.model.encoder
    assert encoder is not None
    noise = torch.randn(20, 12, generator=torch.Generator().manual_seed(seed_for(3, "kept codes", 0)))
    with torch.no_grad():
        drawn = encoder(to_float(one.data.train.take(torch.arange(20))), noise).code
    torch.testing.assert_close(kept, drawn[DataOrder(20, 3).batch(0, 20)])
