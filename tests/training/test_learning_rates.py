"""Learning rates over a stage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, lr_scheduler

from priorkit.config import LRSchedule
from priorkit.engine import CheckpointStore
from priorkit.errors import ConfigurationError
from priorkit.training import Session
from priorkit.training.learning_rates import rate_factor
from priorkit.training.optimizers import make_optimizers, set_learning_rates

LENGTH = 40
SessionOf = Callable[..., Session]


def one_cycle(optimizer: SGD) -> lr_scheduler.LRScheduler:
    # torch's schedule spans the steps from first to last: one step more than intervals.
    highest = (0.3 * LENGTH + 1) / (LENGTH + 1)
    return lr_scheduler.OneCycleLR(
        optimizer, 1.0, LENGTH + 1, pct_start=highest, div_factor=25, final_div_factor=4.0, cycle_momentum=False
    )


TORCHS: list[tuple[dict[str, Any], Callable[[SGD], lr_scheduler.LRScheduler]]] = [
    ({"name": "constant"}, lambda optimizer: lr_scheduler.ConstantLR(optimizer, factor=1.0)),
    (
        {"name": "constant", "warm_up": 8},
        lambda optimizer: lr_scheduler.LinearLR(optimizer, start_factor=1 / 8, total_iters=7),
    ),
    (
        {"name": "linear", "final": 0.2},
        lambda optimizer: lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.2, total_iters=LENGTH),
    ),
    ({"name": "cosine"}, lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, LENGTH)),
    ({"name": "cosine", "final": 0.1}, lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, LENGTH, 0.1)),
    ({"name": "exponential", "factor": 0.9, "every": 1}, lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.9)),
    ({"name": "step", "factor": 0.3, "every": 9}, lambda optimizer: lr_scheduler.StepLR(optimizer, 9, 0.3)),
    ({"name": "one-cycle", "final": 0.01}, one_cycle),
    (
        {"name": "cosine", "warm_up": 8},
        lambda optimizer: lr_scheduler.SequentialLR(
            optimizer,
            [
                lr_scheduler.LinearLR(optimizer, start_factor=1 / 8, total_iters=7),
                lr_scheduler.CosineAnnealingLR(optimizer, LENGTH - 8),
            ],
            milestones=[8],
        ),
    ),
]


@pytest.mark.parametrize(("settings", "make"), TORCHS, ids=[str(settings) for settings, _ in TORCHS])
def test_they_are_torchs_schedules(settings: dict[str, Any], make: Callable[[SGD], lr_scheduler.LRScheduler]) -> None:
    schedule, optimizer = LRSchedule.model_validate(settings), SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = make(optimizer)
    for step in range(LENGTH):
        assert rate_factor(schedule, step, LENGTH) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9), step
        optimizer.step()
        theirs.step()


def test_a_length_of_its_own_comes_first_and_what_has_fallen_stays() -> None:
    schedule = LRSchedule(name="linear", length=10, final=0.5)
    assert [rate_factor(schedule, step, LENGTH) for step in (0, 5, 10, 30)] == [1.0, 0.75, 0.5, 0.5]


def rates(session: Session) -> dict[str, float]:
    return {name: float(optimizer.param_groups[0]["lr"]) for name, optimizer in session.engine.optimizers.items()}


def test_the_rates_of_all_networks_follow_it(tiny_session: SessionOf) -> None:
    session = tiny_session(
        "factor-vae", steps=4, learning_rate=0.01, learning_rates={"decoder": 0.5}, lr_schedule="linear"
    )
    seen = []
    while not session.finished():
        session.step()
        seen.append(rates(session))
    for name, rate in (("encoder", 0.01), ("decoder", 0.5), ("regularizer", 1e-4)):
        assert [each[name] for each in seen] == pytest.approx([rate, 0.75 * rate, 0.5 * rate, 0.25 * rate])


def test_each_stage_begins_it_anew_or_has_its_own(tiny_session: SessionOf) -> None:
    stages = [
        {"phases": ["autoencoder"], "steps": 2},
        {"phases": ["code-fitting"], "learning_rate": 0.1, "lr_schedule": {"name": "step", "every": 1}},
    ]
    session = tiny_session(
        "vae",
        prior="flow-matching",
        regularizer="none",
        steps=5,
        stages=stages,
        learning_rate=1.0,
        lr_schedule="linear",
    )
    seen = []
    while not session.finished():
        session.step()
        seen.append(rates(session))
    assert [each["encoder"] for each in seen] == [1.0, 0.5, 0.5, 0.5, 0.5]
    assert [each["prior"] for each in seen[2:]] == pytest.approx([0.1, 0.05, 0.025])


@pytest.mark.parametrize("at", [1, 3])
def test_a_resumed_run_is_the_same_run(at: int, tiny_session: SessionOf, tmp_path: Path) -> None:
    changes = {"steps": 5, "lr_schedule": {"name": "cosine", "warm_up": 2}}
    whole, first, second = (tiny_session("vae", **changes) for _ in range(3))
    for _ in range(5):
        whole.step()
    for _ in range(at):
        first.step()
    store = CheckpointStore(tmp_path)
    store.save(first.steps, first.weights(), first.state(), ["last"])
    second.load(store.load_weights(), store.load_state())
    for _ in range(5 - at):
        second.step()
    expected, found = whole.weights(), second.weights()
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    assert rates(whole) == rates(second)


def test_a_prolonged_run_follows_the_schedule_of_its_new_length(tiny_session: SessionOf) -> None:
    short, long = (tiny_session("vae", steps=steps, learning_rate=1.0, lr_schedule="linear") for steps in (4, 8))
    for _ in range(4):
        short.step()
    long.load(short.weights(), short.state())
    long.step()
    assert rates(long)["encoder"] == pytest.approx(1 - 4 / 8)


def test_runs_whose_length_nobody_knows(tiny_session: SessionOf) -> None:
    timed = {"steps": None, "max_time": 60.0}
    with pytest.raises(ConfigurationError) as error:
        tiny_session("vae", lr_schedule="cosine", **timed)
    told = str(error.value)
    assert told.startswith("--lr-schedule cosine: learning rates fall over the run's length, and only --max-time ends")
    assert "--lr-schedule.length STEPS" in told
    assert "\n" not in told
    for settings in ("exponential", {"name": "cosine", "length": 3}, {"name": "constant", "warm_up": 3}):
        tiny_session("vae", lr_schedule=settings, **timed).step()
    tiny_session("vae", lr_schedule="cosine", max_time=60.0, steps=9).step()


def test_a_warm_up_that_is_longer_than_the_run(tiny_session: SessionOf) -> None:
    with pytest.raises(ConfigurationError, match=r"warm-up of 4 steps leaves nothing of a stage of 4; give a smaller"):
        tiny_session("vae", steps=4, lr_schedule={"name": "cosine", "warm_up": 4})


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_recorded_steps_read_rates_from_memory(optimizer: str, tiny_session: SessionOf) -> None:
    session = tiny_session("vae", optimizer=optimizer, steps=4, learning_rate=0.25, lr_schedule="linear")
    system, config = session.system, session.config
    optimizers = make_optimizers(system, config, capturable=True)
    lasting = {name: each.param_groups[0]["lr"] for name, each in optimizers.items()}
    assert all(isinstance(rate, Tensor) and float(rate) == 0.25 for rate in lasting.values())
    set_learning_rates(optimizers, system, config, system.stages[0], 0.5)
    for name, each in optimizers.items():
        assert each.param_groups[0]["lr"] is lasting[name]
        assert float(lasting[name]) == 0.125
    # Without a schedule, the rate is constant within a recording, so a number is enough.
    plain = tiny_session("vae", optimizer=optimizer)
    for each in make_optimizers(plain.system, plain.config, capturable=True).values():
        assert isinstance(each.param_groups[0]["lr"], float)


def test_a_run_that_was_recorded_goes_on_without_recordings(tiny_session: SessionOf) -> None:
    plain, recorded = (tiny_session("vae", optimizer="sgd", steps=4, lr_schedule="linear") for _ in range(2))
    recorded.engine.optimizers = make_optimizers(recorded.system, recorded.config, capturable=True)
    recorded.step()
    state = recorded.state()
    assert isinstance(state["engine"]["optimizers"]["encoder"]["param_groups"][0]["lr"], Tensor)
    plain.load(recorded.weights(), state)
    plain.step()
    assert isinstance(plain.engine.optimizers["encoder"].param_groups[0]["lr"], float)
    assert rates(plain)["encoder"] == pytest.approx(0.75 * plain.config.learning_rate)
