"""Fitting a prior to codes that were computed once, against encoding every batch again.

Both train the same prior on codes of the same encoder, in batches of the same size, in float32. The first contender
encodes all images before it begins; the time for this does not count in its rate, and has a table of its own.
"""

import time
from collections.abc import Iterator
from functools import partial

from benchmark import Benchmark, Settings
from paired import Comparison, Here, alternate
from priorkit.data import KeptCodes
from priorkit.training import Session
from sessions import make_config, make_session, random_images
from table import Table

__all__ = ["BENCHMARKS"]

_IMAGES, _BATCH, _STEPS = 5_120, 256, 20
_TARGET = 1.0
_TURNS = 5
_PRIORS = {
    "mixture": {"name": "mixture", "learned": True, "components": 50},
    "flow-matching": {"name": "flow-matching", "fits": 1, "times": 1, "improvement": 0.0},
}


def _steps(session: Session, number: int = _STEPS) -> None:
    for _ in range(number):
        session.step()


def _compare(settings: Settings) -> Iterator[Comparison | Table]:
    rows = []
    for name, prior in _PRIORS.items():
        chosen = {"prior": prior, "precision": "float32", "batch_size": _BATCH, "regularizer": "none"}
        staged = make_session(
            make_config("vae", {**chosen, "stages": "autoencoder:1,code-fitting:1000000"}), random_images(_IMAGES)
        )
        anew = make_session(
            make_config("vae", {**chosen, "stages": "autoencoder:1,code-fitting:1000000"}), random_images(_IMAGES)
        )
        for session in (staged, anew):
            _steps(session, 2)
        batches = anew.source.batches
        assert isinstance(batches, KeptCodes)
        encoder = anew.evaluation_networks.encoder
        assert encoder is not None
        began = time.perf_counter()
        batches.encode_with(encoder)
        once = time.perf_counter() - began
        comparison = Comparison(
            f"steps of the prior {name} on codes",
            ("kept codes", "encoded again"),
            alternate(
                Here("kept", partial(_steps, staged)),
                Here("anew", partial(_steps_encoding, anew)),
                repeats=settings.turns(_TURNS),
            ),
            work=_STEPS * _BATCH,
            unit="codes",
            target=_TARGET,
        )
        yield comparison
        rows.append((name, f"{once * 100_000 / _IMAGES:.1f} s"))
    yield Table("encoding 100,000 images once", ("prior", "time"), rows)


def _steps_encoding(session: Session) -> None:
    """Takes steps, each of which first encodes the images of its batch."""
    encoder, batches = session.evaluation_networks.encoder, session.source.batches
    assert encoder is not None
    assert isinstance(batches, KeptCodes)
    for _ in range(_STEPS):
        images = batches.images
        chosen = batches.order.batch(session.engine.images_seen, _BATCH)
        part = KeptCodes(
            type(images)(images.take(chosen)),
            _BATCH,
            seed=session.config.seed,
            precision=session.precision,
            channels_last=session.config.channels_last,
        )
        part.encode_with(encoder)
        session.engine.step(part.everything(), _BATCH)


BENCHMARKS = [
    Benchmark("codes", "fitting a prior to codes computed once, against encoding every batch again", _compare)
]
