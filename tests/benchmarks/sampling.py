"""`Model.sample` against a bare loop of the code generator and the decoder.

Both make the same number of images from noise, in chunks of the same size and in the same precision, and return them as
float32 in main memory. The bare loop keeps its networks in evaluation mode, and writes into one preallocated tensor.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor

from against_bare_loop import precisions
from benchmark import Benchmark, Settings
from paired import Comparison, Here, alternate
from priorkit.models import Model
from sessions import make_config, make_session

__all__ = ["BENCHMARKS"]

_IMAGES = 10_000
_CHUNK = 500
_TARGET = 0.95
_TURNS = 7


class _BareSampler:
    """A hand-written loop that draws images."""

    def __init__(self, model: Model, noise_dim: int) -> None:
        self.prior = model.prior.eval()
        self.decoder = model.decoder.eval()
        self.precision = model.precision
        self.noise_dim = noise_dim
        self.size = (model.shape.channels, model.shape.size, model.shape.size)

    @torch.no_grad()
    def sample(self, n: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        images = torch.empty(n, *self.size)
        low = self.precision.dtype != torch.float32
        with torch.autocast("cpu", dtype=self.precision.dtype) if low else nullcontext():
            for start in range(0, n, _CHUNK):
                count = min(_CHUNK, n - start)
                noise = torch.randn(count, self.noise_dim, generator=generator)
                images[start : start + count] = self.decoder(self.prior(noise))
        return images


def _compare(settings: Settings) -> Iterator[Comparison]:
    for precision in precisions():
        session = make_session(make_config("learned", {"precision": precision}))
        for _ in range(3):
            session.step()
        model = session.model
        noise_dim = model.prior.noise(1).shape[1]
        bare = _BareSampler(model, noise_dim)
        first = Here("priorkit", partial(model.sample, _IMAGES))
        second = Here("bare", partial(bare.sample, _IMAGES))
        assert model.sample(3).shape == bare.sample(3).shape
        yield Comparison(
            f"samples of the recipe learned, {precision}",
            ("Model.sample", "bare loop"),
            alternate(first, second, repeats=settings.turns(_TURNS)),
            work=_IMAGES,
            unit="images",
            target=_TARGET,
        )


BENCHMARKS = [Benchmark("sampling", "Model.sample(10000) against a bare loop of prior and decoder", _compare)]
