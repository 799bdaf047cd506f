"""Training that diverges: what is said, and what goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError, NonFiniteLossError
from priorkit.registry import Registry
from priorkit.runs import RunFolder, load_run, prepare, prepare_resumed
from priorkit.training import Observer, Session

LONG = {"steps": 12, "log_every": 1000, "sample_every": 1000, "checkpoint_every": 3, "average": 0.0}


class Poisoned(Observer):
    """Makes weights of the decoder no numbers after some steps."""

    def __init__(self, *steps: int) -> None:
        self.left = list(steps)
        self.rolled: list[tuple[int, float]] = []

    def stepped(self, session: Session) -> None:
        if self.left and session.steps == self.left[0]:
            self.left.pop(0)
            with torch.no_grad():
                next(session.system.decoder.parameters()).fill_(float("nan"))

    def rolled_back(self, session: Session, error: NonFiniteLossError) -> None:
        self.rolled.append((session.steps, session.rates.reduction))


def bad_batch(prepared: Any, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the batch of one step be no numbers."""
    session, take = prepared.session, prepared.session.source.take

    def poisoned() -> Any:
        images, conditions = take()
        return (images * float("nan") if session.steps == at - 1 else images), conditions

    monkeypatch.setattr(session.source, "take", poisoned)


def test_the_first_step_and_what_was_wrong_are_named_and_the_report_is_written(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With rare logging, too, and not the loss that was looked at first."""
    prepared = prepare(run_config(**LONG), tmp_path / "run", registry=registry)
    bad_batch(prepared, 5, monkeypatch)
    with pytest.raises(NonFiniteLossError, match=r"^the loss autoencoder/.* became .* at step 5: training diverged"):
        prepared.run()
    folder = RunFolder.open(tmp_path / "run")
    assert folder.report.is_file()
    assert folder.checkpoints.step() == 3
    assert bool(load_run(tmp_path / "run", device="cpu", registry=registry).sample(2).isfinite().all())


def test_the_advice_can_be_followed(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(run_config(**LONG), tmp_path / "run", registry=registry)
    bad_batch(prepared, 5, monkeypatch)
    told = rf"`priorkit train --resume {tmp_path / 'run'} --learning-rate 0.005` continues from step 3"
    with pytest.raises(NonFiniteLossError, match=told):
        prepared.run()
    changes = {"learning_rate": 1e-5, "clip_norm": 1.0, "on_divergence": "skip"}
    resumed = prepare_resumed(tmp_path / "run", changes, registry=registry)
    rates = {
        group["lr"] for optimizer in resumed.session.engine.optimizers.values() for group in optimizer.param_groups
    }
    assert rates == {1e-5}
    assert resumed.run().steps == 12
    assert RunFolder.open(tmp_path / "run").read_config().learning_rate == 1e-5


def test_a_bad_batch_is_skipped(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = run_config(**{**LONG, "log_every": 1, "on_divergence": "skip"})
    prepared = prepare(config, tmp_path / "run", registry=registry)
    bad_batch(prepared, 5, monkeypatch)
    outcome = prepared.run()
    assert outcome.steps == 12
    assert outcome.skipped > 0
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    assert bool(run.sample(4).isfinite().all())
    rows = {row["step"]: row for row in run.metrics if any(name.startswith("loss/") for name in row)}
    assert "loss/autoencoder/reconstruction" not in rows.get(5, {})
    assert "loss/autoencoder/reconstruction" in rows[6]


def test_what_stays_broken_is_not_skipped_for_ever(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    config = run_config(**{**LONG, "steps": 40, "checkpoint_every": 1000, "on_divergence": "skip"})
    with pytest.raises(NonFiniteLossError, match="training diverged"):
        prepare(config, tmp_path / "run", registry=registry).run([Poisoned(2)])


def test_training_is_rolled_back_with_lower_rates(
    run_config: Callable[..., RunConfig],
    registry: Registry,
    tmp_path: Path,
    measurements: Callable[[Path], list[Any]],
) -> None:
    config = run_config(**{**LONG, "log_every": 1, "on_divergence": "rollback"})
    observer = Poisoned(5, 4, 10)
    prepared = prepare(config, tmp_path / "run", registry=registry)
    assert prepared.run([observer]).steps == 12
    assert observer.rolled == [(3, 0.5), (3, 0.25), (9, 0.125)]
    steps = [row["step"] for row in measurements(tmp_path / "run") if any(name.startswith("loss/") for name in row)]
    assert steps == sorted(set(steps)) == list(range(1, 13))
    resumed = prepare_resumed(tmp_path / "run", {"steps": 14}, registry=registry)
    assert resumed.session.rates.reduction == 0.125
    decoder = resumed.session.engine.optimizers["decoder"].param_groups[0]["lr"]
    assert decoder == pytest.approx(0.125 * config.learning_rate)
    assert resumed.run().steps == 14


@pytest.mark.parametrize("steps", [11, 12])
def test_what_is_found_at_the_end_is_rolled_back_too(
    steps: int, run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    """As weights that the last update has broken, which no loss has seen."""
    observer = Poisoned(steps)
    config = run_config(**{**LONG, "steps": steps, "checkpoint_every": 5, "on_divergence": "rollback"})
    assert prepare(config, tmp_path / "run", registry=registry).run([observer]).steps == steps
    assert observer.rolled == [(10, 0.5)]
    run = load_run(tmp_path / "run", device="cpu", registry=registry)
    assert bool(run.sample(2).isfinite().all())


def test_it_is_rolled_back_so_often_and_no_more(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path
) -> None:
    config = run_config(**{**LONG, "on_divergence": "rollback"})
    observer = Poisoned(*[1] * 9)
    with pytest.raises(NonFiniteLossError, match="at step 2"):
        prepare(config, tmp_path / "run", registry=registry).run([observer])
    assert [reduction for _, reduction in observer.rolled] == [0.5, 0.25, 0.125, 0.0625, 0.03125]


def test_what_recorded_phases_cannot_do_is_refused(run_config: Callable[..., RunConfig], registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"--on-divergence skip .*--cuda-graphs"):
        prepare(run_config(on_divergence="skip", cuda_graphs=True), registry=registry)
