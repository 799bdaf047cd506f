"""Every recipe must train, resume, sample and be evaluated on the device, and not wait for it in its steps."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch

from check import Asked, Check, Failure
from closeness import require_same_run, trained, weights_of
from priorkit.config import ComponentChoice
from priorkit.engine import CheckpointStore
from priorkit.evaluation import (
    CATALOGUE,
    EvaluationSettings,
    build_extractor,
    build_matcher,
    evaluate_model,
)
from priorkit.interfaces import Batch
from priorkit.training import Session
from tiny import RECIPES, SIZE, bars, make_session, registry

__all__ = ["CHECKS", "never_waiting"]

_DOWNLOADS = ("lpips",)
"""Scores whose networks must be downloaded."""
_SAMPLES = 12
_CLASSIFIER = {"steps": 2, "epochs": 1, "width": 2}
_MATCHER = {"steps": 2, "dim": 8, "width": 2, "batch_size": 8}


@contextmanager
def never_waiting(asked: Asked) -> Iterator[None]:
    """A context in which waiting for a CUDA device is an error, as far as torch detects it."""
    if not asked.on_cuda:
        yield
        return
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


@lru_cache(maxsize=1)
def _finished(recipe: str, asked: Asked) -> tuple[Session, int, int]:
    """Trains a session to its end. Returns it with its steps and number of loss terms; only the latest is cached."""
    session = make_session(recipe, asked)
    losses = trained(session)
    return session, len(losses), len({term for step in losses for term in step})


def _steps(recipe: str, asked: Asked) -> str:
    session, steps, terms = _finished(recipe, asked)
    session.check_finite()
    found = {str(weight.device) for weight in session.weights().values()}
    if found != {str(asked.device)}:
        raise Failure(f"the weights are on {found} instead of {asked.device}")
    return f"{steps} steps in {session.precision.name}, {terms} losses, all finite"


def _resumption(recipe: str, asked: Asked) -> str:
    def whole() -> Session:
        session = make_session(recipe, asked)
        trained(session)
        return session

    expected = whole()
    first = make_session(recipe, asked)
    middle = max(1, (first.total_steps() or 2) // 2)
    trained(first, middle)
    store = CheckpointStore(asked.folder / f"{recipe}-checkpoints")
    store.save(first.steps, first.weights(), first.state(), ["last"])
    second = make_session(recipe, asked)
    second.load(store.load_weights(), store.load_state())
    if second.steps != middle:
        raise Failure(f"saved at step {middle}, and loaded at step {second.steps}")
    trained(second)
    alike = require_same_run(asked, weights_of(expected), weights_of(second), lambda: weights_of(whole()))
    return f"saved after {middle} of {expected.steps} steps: {alike}"


def _sampling(recipe: str, asked: Asked) -> str:
    model = _finished(recipe, asked)[0].model
    samples = model.sample(5, seed=asked.seed)
    shape = (5, 1, SIZE, SIZE)
    if samples.shape != shape or samples.dtype != torch.float32 or samples.device != asked.device:
        raise Failure(f"samples are {samples.dtype} of {tuple(samples.shape)} on {samples.device}, not of {shape}")
    if not bool(samples.isfinite().all()) or float(samples.abs().max()) > 1:
        raise Failure("samples are not finite numbers from -1 to 1")
    again = model.sample(5, seed=asked.seed)
    return f"{shape}, finite, " + require_same_run(
        asked, {"samples": samples}, {"samples": again}, lambda: {"samples": model.sample(5, seed=asked.seed)}
    )


def _evaluation(recipe: str, asked: Asked) -> str:
    session = _finished(recipe, asked)[0]
    config, model = session.config, session.model
    extractor, matcher = (
        build(
            config.model_copy(update={"extractor": ComponentChoice(name=name, options=options)}),
            registry(),
            model.shape,
            asked.device,
        )
        for build, name, options in (
            (build_extractor, "classifier", _CLASSIFIER),
            (build_matcher, "two-tower", _MATCHER),
        )
    )
    asked_for = tuple(item.name for item in CATALOGUE if item.name not in _DOWNLOADS)
    settings = EvaluationSettings(asked_for, samples=_SAMPLES, importance_samples=2, likelihood_images=4)
    scores = evaluate_model(
        model, bars(), extractor, settings, extractor_name="classifier", matcher=matcher, matcher_name="two-tower"
    )
    values = {score.name: score.value for score in scores if score.value is not None}
    wrong = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
    if wrong or not values:
        raise Failure(", ".join(wrong) or "there is no score")
    return f"{len(values)} scores finite, {len(asked_for) - len(values)} skipped"


def _waiting(recipe: str, asked: Asked) -> str:
    session = make_session(recipe, asked)
    watched = 0
    for number, stage in enumerate(session.system.stages):
        if stage.batch is Batch.ALL_CODES:
            continue  # its only step may read values back
        # The first step of a stage may wait: it reads data or, before a stage on codes, encodes images.
        end = session.system.stages[number + 1].begins if number + 1 < len(session.system.stages) else stage.begins + 4
        while session.steps < end:
            if session.steps == stage.begins:
                session.step()
                continue
            with never_waiting(asked):
                session.step()
            watched += 1
    session.engine.check_finite()
    return f"{watched} steps in {session.precision.name} without waiting"


CHECKS = [
    Check("steps", "steps of training on the device, all losses finite", _steps, RECIPES),
    Check("resumption", "a run that was saved and resumed equals the uninterrupted run", _resumption, RECIPES),
    Check("sampling", "samples are finite images of the right shape, the same for the same seed", _sampling, RECIPES),
    Check("evaluation", "every score that needs no download is finite", _evaluation, RECIPES),
    Check("waiting", "steps after a stage's first never wait for the device", _waiting, RECIPES, needs_cuda=True),
]
