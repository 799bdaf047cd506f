"""priorkit against pythae: the same system, networks, first weights, data, batch size and threads.

Each runs in a process of its own, because priorkit configures the memory allocator of its process, and this must not
affect pythae. A turn of priorkit is one pass over the training images by `Session.step()`, which also keeps averages
of the networks for sampling, and the reading of the losses at the end. `pythae_systems` describes a turn of pythae.
"""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from apart import Apart, Work
from benchmark import Benchmark, Settings
from paired import Comparison, alternate
from priorkit import RunConfig
from priorkit.data import to_float
from priorkit.interfaces import ImageData
from priorkit_plugins.phases.autoencoder import AutoencoderPhase
from pythae_systems import PYTHAE_SYSTEMS, PythaeSystem, require_pythae
from sessions import digits, has_setting, make_config, make_session, make_system

__all__ = ["BENCHMARKS"]

_FLOAT32_TARGET = 1.2
_BEST_TARGET = 2.5
_TOLERANCE = 1e-3
_TURNS = 7


def _first_batch(images: Tensor, batch_size: int, code_dim: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return to_float(images[:batch_size]), torch.randn(batch_size, code_dim, generator=generator)


def _priorkit_losses(config: RunConfig, data: ImageData) -> dict[str, float]:
    """Returns each player's loss with the first weights, in float32, computed on separate copies of the networks."""
    images, prior = _first_batch(data.train.images, config.batch_size, config.code_dim)
    phase = AutoencoderPhase(make_system(config, data), config.reconstruction_weight)
    with torch.no_grad():
        moves = phase.moves(images, {"prior": prior, "posterior": torch.zeros_like(prior)})
        return {move.player: float(sum(move.terms.values())) for move in moves}


def _prepare_priorkit(recipe: str, settings: Mapping[str, Any]) -> Work:
    config = make_config(recipe, settings)
    data = digits(config)
    losses = _priorkit_losses(config, data)
    session = make_session(config, data)
    steps = len(data.train) // config.batch_size

    def epoch() -> None:
        for _ in range(steps):
            session.step()
        session.engine.losses(reset=True)

    return Work(epoch, {"losses": losses, "images": len(data.train), "precision": session.precision.name})


def _prepare_pythae(kind: type[PythaeSystem], *, fused: bool) -> Work:
    system = kind(fused=fused)
    images, noise = _first_batch(system.data.train.images, system.config.batch_size, system.config.code_dim)
    return Work(system.epoch, {"losses": system.losses(images, noise), "images": len(system.data.train)})


def _check_equal(ours: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    assert set(ours) == set(theirs), (ours, theirs)
    for player, loss in ours.items():
        if not math.isclose(loss, theirs[player], rel_tol=_TOLERANCE):
            raise RuntimeError(f"the losses differ: {player} has {loss} in priorkit, {theirs[player]}")
    return ", ".join(f"{player} {loss:.5g} and {theirs[player]:.5g}" for player, loss in ours.items())


def _compare(kind: type[PythaeSystem], settings: Settings) -> Iterator[Comparison]:
    require_pythae()
    float32 = {**kind.settings, "precision": "float32"}
    pairs: list[tuple[str, dict[str, Any], bool, float | None]] = [
        ("both in float32", float32, False, _FLOAT32_TARGET),
        ("both in float32, pythae with fused Adam", float32, True, None),
        ("priorkit's defaults", dict(kind.settings), False, _BEST_TARGET),
    ]
    if has_setting("compile"):
        pairs.append(("priorkit compiled", {**kind.settings, "compile": True}, False, _BEST_TARGET))
    for title, ours, fused, target in pairs:
        with (
            Apart("priorkit", partial(_prepare_priorkit, kind.recipe, ours), settings.threads) as first,
            Apart("pythae", partial(_prepare_pythae, kind, fused=fused), settings.threads) as second,
        ):
            assert first.facts["images"] == second.facts["images"]
            same = _check_equal(first.facts["losses"], second.facts["losses"])
            seconds = alternate(first, second, repeats=settings.turns(_TURNS))
            yield Comparison(
                f"{kind.recipe}, {title}",
                (f"priorkit ({first.facts['precision']})", "pythae (float32)"),
                seconds,
                work=first.facts["images"],
                unit="images",
                target=target,
                notes={"losses on the first batch": same},
            )


BENCHMARKS = [
    Benchmark(f"pythae-{kind.recipe}", f"the recipe {kind.recipe} against pythae's", partial(_compare, kind))
    for kind in PYTHAE_SYSTEMS
]
