"""Codes that are computed once and kept."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from priorkit.data import kept_codes as module
from priorkit.data import to_float
from priorkit.data.kept_codes import KeptCodes, room_for
from priorkit.engine import DataOrder, Precision, seed_for
from priorkit.errors import DataError
from priorkit.interfaces import ImageSet
from priorkit.training import Session

CPU = Precision(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("recipe", ["aae", "vae"])
@pytest.mark.parametrize("stored", [False, True])
def test_batches_are_codes_of_the_images_in_their_order(
    recipe: str, stored: bool, tiny_session: Callable[..., Session], kept_images: Callable[..., object]
) -> None:
    session = tiny_session(recipe)
    encoder = session.model.encoder
    assert encoder is not None
    pixels = session.data.train.take(torch.arange(20))
    images = ImageSet(kept_images(pixels) if stored else pixels)  # type: ignore[arg-type]
    entries = torch.arange(20)
    codes = KeptCodes(images, 6, seed=3, precision=CPU, channels_last=False, entries=entries)
    assert not codes.known
    codes.encode_with(encoder)
    assert codes.known
    order = DataOrder(20, 3)
    for seen in (0, 6, 18):
        indices = order.batch(seen, 6)
        with torch.no_grad():
            posterior = encoder(to_float(pixels[indices]))
        batch = codes.at(seen)
        assert (batch.shape, batch.dtype) == ((6, 4), torch.float32)
        assert torch.equal(batch, codes.at(seen))
        if posterior.log_variance is None:
            torch.testing.assert_close(batch, posterior.mean)
        else:
            normal = torch.randn(6, 4, generator=torch.Generator().manual_seed(seed_for(3, "kept posteriors", seen)))
            drawn = posterior.mean + (posterior.log_variance / 2).exp() * normal
            torch.testing.assert_close(batch, drawn)
        found = codes.entries_at(seen)
        assert found is not None
        assert torch.equal(found, indices)
    everything, brought = codes.everything(), codes.all_entries()
    assert everything.shape == (20, 4)
    assert brought is not None
    assert torch.equal(brought, entries)
    if recipe == "aae":
        with torch.no_grad():
            torch.testing.assert_close(everything, encoder(to_float(pixels)).mean)
    codes.forget()
    assert not codes.known


def test_codes_that_take_much_memory_lie_on_disk(
    tiny_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = tiny_session("vae")
    encoder = session.model.encoder
    assert encoder is not None
    images = session.data.train

    def kept() -> KeptCodes:
        codes = KeptCodes(images, 6, seed=3, precision=CPU, channels_last=False)
        codes.encode_with(encoder)
        return codes

    in_memory = kept()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = []
    mapped = torch.from_file
    monkeypatch.setattr(torch, "from_file", lambda name, **how: made.append(name) or mapped(name, **how))
    monkeypatch.setattr(module, "free_memory", lambda: 0)
    on_disk = kept()
    assert [Path(name).parent for name in made] == [tmp_path]
    assert not list(tmp_path.iterdir()), "the file has no name any more"
    assert torch.equal(on_disk.everything(), in_memory.everything())
    assert torch.equal(on_disk.at(6), in_memory.at(6))


def test_no_room_for_codes_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "free_memory", lambda: 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    with pytest.raises(DataError, match=r"the codes of 1000 images take 0\.0 GiB.*TMPDIR.*--code-dim"):
        room_for((1000, 1, 300), torch.float32)
    assert room_for((1000, 1, 200), torch.float32).shape == (1000, 1, 200)


def test_images_that_bring_nothing_have_no_entries(tiny_session: Callable[..., Session]) -> None:
    codes = KeptCodes(tiny_session("aae").data.train, 6, seed=0, precision=CPU, channels_last=False)
    assert codes.entries_at(0) is None
    assert codes.workers is None
    codes.close()


@pytest.mark.parametrize("recipe", ["aae", "vae"])
def test_moments_are_those_of_the_codes(recipe: str, tiny_session: Callable[..., Session]) -> None:
    session = tiny_session(recipe)
    encoder = session.model.encoder
    assert encoder is not None
    codes = KeptCodes(session.data.train, 6, seed=3, precision=CPU, channels_last=False)
    codes.encode_with(encoder)
    mean, deviation = codes.moments()
    images = to_float(session.data.train.take(torch.arange(len(session.data.train))))
    with torch.no_grad():
        posterior = encoder(images)
    torch.testing.assert_close(mean, posterior.mean.mean(0), atol=1e-5, rtol=1e-4)
    variance = posterior.mean.double().var(0, correction=0)
    if posterior.log_variance is not None:
        variance = variance + posterior.log_variance.double().exp().mean(0)
    torch.testing.assert_close(deviation, variance.sqrt().float(), atol=1e-5, rtol=1e-4)
