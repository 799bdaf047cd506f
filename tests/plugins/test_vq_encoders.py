"""The encoders `vq` and `residual-vq`, and the codebooks that they learn."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from priorkit.distributed import Processes
from priorkit.engine import CheckpointStore
from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeSpace, frozen_statistics
from priorkit.models.batch_sharing import require_shareable_terms
from priorkit.training import Session
from priorkit_plugins.vq_encoders.codebook import Codebook, CodebookUpdate
from priorkit_plugins.vq_encoders.encoder import VectorQuantisingEncoder

seeds = st.integers(0, 2**32 - 1)
updates = st.sampled_from(["averages", "gradient"])


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def encoder_of_maps(
    seed: int, commitment: float = 0.25, levels: int = 1, how: CodebookUpdate = "gradient"
) -> VectorQuantisingEncoder:
    """Its images are maps of 3 channels, 2 high and 2 wide, as its body leaves them."""
    torch.manual_seed(seed)
    codebooks = [Codebook(5, 3, update=how) for _ in range(levels)]
    return VectorQuantisingEncoder(nn.Flatten(), CodeSpace((3, 2, 2)), codebooks, commitment).eval()


@settings(deadline=None, max_examples=25)
@given(seed=seeds, n=st.integers(1, 6), levels=st.integers(1, 3), how=updates)
def test_each_level_takes_the_nearest_entry_to_what_is_left(
    seed: int, n: int, levels: int, how: CodebookUpdate
) -> None:
    encoder = encoder_of_maps(seed, levels=levels, how=how)
    maps = torch.randn(n, 3, 2, 2, generator=generator(seed))
    found = encoder(maps)
    assert found.indices is not None
    assert encoder.codes == CodeSpace((2 * levels, 2), 5)
    books = [book.weight().detach() for book in encoder.quantisers]
    for image, indices, code in zip(maps, found.indices, found.code.view(n, 3, 2, 2), strict=True):
        for place in range(4):
            row, column = divmod(place, 2)
            total = torch.zeros(3)
            for level, book in enumerate(books):
                distances = torch.cdist((image[:, row, column] - total)[None], book)[0]
                index = indices[4 * level + place]
                assert distances[index] <= distances.min() + 1e-5
                total = total + book[index]
            torch.testing.assert_close(code[:, row, column], total)
    torch.testing.assert_close(encoder.embed(found.indices), found.code)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, commitment=st.floats(0.1, 4))
def test_gradients_pass_the_codebook_by(seed: int, commitment: float) -> None:
    """The decoder's gradient arrives as it is; the terms have those of Eq. 3 of van den Oord et al. 2017."""
    encoder = encoder_of_maps(seed, commitment)
    maps = torch.randn(4, 3, 2, 2, generator=generator(seed), requires_grad=True)
    found, weights = encoder(maps), torch.randn(4, 12)
    (straight,) = torch.autograd.grad((found.code * weights).sum(), maps, retain_graph=True)
    torch.testing.assert_close(straight.flatten(1), weights)
    apart = (maps.flatten(1) - found.code).detach() * 2 / maps.numel()
    (committed,) = torch.autograd.grad(found.terms["commitment"], maps, retain_graph=True)
    torch.testing.assert_close(committed.flatten(1), commitment * apart, rtol=1e-4, atol=1e-6)
    (moved,) = torch.autograd.grad(found.terms["codebook"], encoder.quantisers[0].vectors)
    assert found.indices is not None
    by_vector = -apart.view(4, 3, 4).mT.flatten(0, 1)
    expected = torch.zeros_like(moved).index_add(0, found.indices.flatten(), by_vector)
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, decay=st.floats(0, 0.99))
def test_averages_are_those_of_the_paper(seed: int, decay: float) -> None:
    """An average of sums divided by one of numbers (van den Oord et al. 2017, Appendix A.1), where none is dead."""
    torch.manual_seed(seed)
    book = Codebook(4, 2, decay=decay, revive_below=0)
    book.begun.fill_(True)
    number = torch.full((4,), 1 / 4, dtype=torch.float64)
    summed = book.vectors.double() * number[:, None]
    for step in range(4):
        vectors = torch.randn(3, 5, 2, generator=generator(seed ^ step))
        _, indices = book(vectors)
        for entry in range(4):
            chosen = vectors.double()[indices == entry]
            number[entry] = decay * number[entry] + (1 - decay) * len(chosen) / 15
            summed[entry] = decay * summed[entry] + (1 - decay) * chosen.sum(0) / 15
        used = number > 0
        torch.testing.assert_close(book.share.double(), number, rtol=1e-4, atol=1e-7)
        expected = summed[used] / number[used][:, None]
        torch.testing.assert_close(book.vectors[used].double(), expected, rtol=1e-3, atol=1e-4)


def clusters(n: int, seed: int) -> Tensor:
    """Vectors (n, 1, 2) of 16 small clusters, far from where codebooks start; one of them has most."""
    which = (torch.randint(32, (n,), generator=generator(seed)) - 16).clamp(min=0)
    centres = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0)) + 10
    return (centres[which] + 0.01 * torch.randn(n, 2, generator=generator(seed ^ 1)))[:, None]


def from_the_nearest(entries: Tensor, vectors: Tensor) -> Tensor:
    """How far entries (K, 2) are from the nearest of vectors (n, 1, 2), the larger of both coordinates: (K,)."""
    return (entries[:, None] - vectors[:, 0]).abs().amax(2).amin(1)


@pytest.mark.parametrize("how", ["averages", "gradient"])
def test_a_codebook_starts_from_its_first_batch(how: CodebookUpdate) -> None:
    book = Codebook(6, 2, update=how)
    weights = {name: weight.clone() for name, weight in book.named_parameters()}
    vectors = clusters(50, 0)
    book(vectors)
    entries = book.weight().detach()
    assert float(from_the_nearest(entries, vectors).max()) < 1e-5
    assert len(entries.unique(dim=0)) == 6
    assert all(torch.equal(weight, weights[name]) for name, weight in book.named_parameters())


@pytest.mark.parametrize("how", ["averages", "gradient"])
def test_dead_entries_start_again(how: CodebookUpdate) -> None:
    """Of 16 entries, 12 are far from everything; in the end all are used, and vectors are much nearer to theirs."""
    torch.manual_seed(0)
    book = Codebook(16, 2, update=how, decay=0.8, revive_below=0.1)
    book.begun.fill_(True)
    with torch.no_grad():
        book.vectors.copy_(torch.cat([clusters(4, 7)[:, 0], 1000 + book.vectors[4:]]))

    def error() -> float:
        vectors = clusters(500, 101)
        return float((book.eval()(vectors)[0] - vectors).detach().norm(dim=2).mean())

    before = error()
    for step in range(40):
        book.train()(clusters(256, step))
    _, indices = book.eval()(clusters(2000, 100))
    assert len(indices.unique()) == 16
    assert error() < before / 3


def test_without_revival_dead_entries_stay() -> None:
    book = Codebook(3, 2, revive_below=0)
    book(clusters(50, 0))
    with torch.no_grad():
        book.vectors[2] = 1e6
    for step in range(30):
        book(clusters(50, step))
    assert torch.equal(book.vectors[2], torch.full((2,), 1e6))
    assert bool(book.vectors.isfinite().all())


@settings(deadline=None, max_examples=20)
@given(seed=seeds, how=updates)
def test_entries_that_are_alive_are_not_moved_to_vectors(seed: int, how: CodebookUpdate) -> None:
    torch.manual_seed(seed)
    book = Codebook(4, 2, update=how, decay=0.5, revive_below=0.5)
    book.begun.fill_(True)
    before = book.weight().detach().clone()
    vectors = torch.randn(40, 1, 2, generator=generator(seed))
    with torch.no_grad():
        _, indices = book(vectors)
    share = 0.5 / 4 + 0.5 * torch.bincount(indices.flatten(), minlength=4) / 40
    dead = share < 0.5 / 4
    after = book.weight().detach()
    assert bool((from_the_nearest(after[dead], vectors) < 1e-5).all())
    torch.testing.assert_close(book.share, torch.where(dead, 1 / 4, share))
    if how == "gradient":
        assert torch.equal(after[~dead], before[~dead])


def test_a_pass_that_only_reads_moves_nothing() -> None:
    encoder = encoder_of_maps(0, how="averages").train()
    before = {name: buffer.clone() for name, buffer in encoder.named_buffers()}
    images = torch.randn(4, 3, 2, 2, generator=generator(0))
    with frozen_statistics(encoder):
        encoder(images)
    assert all(torch.equal(buffer, before[name]) for name, buffer in encoder.named_buffers())
    encoder(images)
    assert not torch.equal(encoder.quantisers[0].vectors, before["quantisers.0.vectors"])


SYSTEM: dict[str, Any] = {
    "networks": {"name": "mlp", "hidden": 8},
    "regularizer": "none",
    "loss": "pixel",
    "prior": "index-frequencies",
    "code_dim": 3,
    "code_size": 4,
    "stages": "autoencoder:4,code-fitting:1",
}


@pytest.mark.parametrize(
    "encoder",
    [
        {"name": "vq", "entries": 8},
        {"name": "vq", "entries": 8, "codebook_update": "gradient"},
        {"name": "residual-vq", "entries": 4, "shared": True},
    ],
    ids=["averages", "gradient", "shared"],
)
def test_a_run_that_goes_on_is_the_same_run(
    encoder: dict[str, Any], tiny_session: Callable[..., Session], tmp_path: Path
) -> None:
    whole, first, second = (tiny_session("vae", encoder=encoder, **SYSTEM) for _ in range(3))
    for _ in range(4):
        whole.step()
    for _ in range(2):
        first.step()
    store = CheckpointStore(tmp_path)
    store.save(first.steps, first.weights(), first.state(), ["last"])
    second.load(store.load_weights(), store.load_state())
    for _ in range(2):
        second.step()
    expected, found = whole.weights(), second.weights()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    # The codebook in use is the one that has been learned, not an average of the past.
    shift = "shift" if encoder.get("codebook_update") else "vectors"
    name = f"encoder/quantisers.0.{shift}"
    assert torch.equal(found[f"average/{name}"], found[name])


def test_several_processes_are_refused(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", encoder="vq", **SYSTEM)
    system = dataclasses.replace(session.system, stages=session.system.stages[:1])
    with pytest.raises(ConfigurationError, match="--encoder vq: it needs all samples of a batch, and each of 2 proc"):
        require_shareable_terms(system, session.config, Processes(0, 2))


@pytest.mark.parametrize("encoder", ["vq", "residual-vq", "fsq", "lookup-free"])
def test_vectors_are_refused(encoder: str, tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError, match=rf"--encoder {encoder}: quantises maps, .*: --code-size 8"):
        tiny_session("vae", encoder=encoder, regularizer="none", prior="index-frequencies")
