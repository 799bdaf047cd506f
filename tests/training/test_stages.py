"""Sessions of several stages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.data import KeptCodes
from priorkit.engine import CheckpointStore
from priorkit.errors import ConfigurationError
from priorkit.training import Observer, Review, Session, run_session

SessionOf = Callable[..., Session]

STAGES: list[dict[str, Any]] = [
    {"phases": ["autoencoder"], "steps": 3},
    {"phases": ["code-fitting"], "steps": 3, "batch_size": 9, "learning_rate": 0.003},
]


def two_stages(tiny_session: SessionOf, recipe: str = "vae", prior: str = "flow-matching", **changes: Any) -> Session:
    return tiny_session(recipe, **{"prior": prior, "regularizer": "none", "stages": STAGES, **changes})


def copies(session: Session) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in session.weights().items()}


def test_an_autoencoder_stands_still_while_its_codes_are_learned(tiny_session: SessionOf) -> None:
    session = two_stages(tiny_session)
    assert session.total_steps() == 6
    for _ in range(3):
        session.step()
    before = copies(session)
    while not session.finished():
        session.step()
    after = session.weights()
    for key in before:
        name = key.removeprefix("average/").removeprefix("use/").partition("/")[0]
        if name in ("encoder", "reconstruction_decoder") or (name == "decoder" and not key.startswith("use/")):
            assert torch.equal(before[key], after[key]), key
    for key in ("prior/", "average/prior/"):
        assert any(not torch.equal(before[name], after[name]) for name in before if name.startswith(key)), key
    assert {name.partition("/")[0] for name in session.engine.losses(reset=False)} == {"autoencoder", "code_fitting"}


def test_a_stage_has_a_batch_size_and_a_learning_rate_of_its_own(tiny_session: SessionOf) -> None:
    session = two_stages(tiny_session, learning_rates={"decoder": 0.5})
    session.fetch()
    assert session.engine.images_seen == 0
    for _ in range(3):
        session.step()
    assert session.engine.images_seen == 3 * 6
    session.fetch()
    assert session.engine.images_seen == 3 * 6
    session.step()
    assert session.engine.images_seen == 3 * 6 + 9
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in session.engine.optimizers.items()}
    assert rates == {"encoder": 0.01, "decoder": 0.5, "prior": 0.003}
    assert isinstance(session.source.batches, KeptCodes)


@pytest.mark.parametrize("prior", ["flow-matching", "vampprior", "full-gaussian"])
@pytest.mark.parametrize("at", [1, 3, 4])
def test_a_resumed_run_is_the_same_run_wherever_it_stopped(
    at: int, prior: str, tiny_session: SessionOf, tmp_path: Path
) -> None:
    stages = "autoencoder:3,code-fitting:1" if prior == "full-gaussian" else STAGES
    recipe = "aae" if prior == "full-gaussian" else "vae"
    straight = two_stages(tiny_session, recipe, prior, stages=stages)
    while not straight.finished():
        straight.step()
    first = two_stages(tiny_session, recipe, prior, stages=stages)
    for _ in range(at):
        first.step()
    store = CheckpointStore(tmp_path)
    store.save(first.steps, first.weights(), first.state(), ["last"])
    second = two_stages(tiny_session, recipe, prior, stages=stages)
    second.load(store.load_weights(), store.load_state())
    while not second.finished():
        second.step()
    expected, found = straight.weights(), second.weights()
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    assert straight.engine.losses(reset=False) == second.engine.losses(reset=False)
    assert torch.equal(straight.model.sample(4), second.model.sample(4))


class Notes(Observer):
    """Records the steps at which a session is measured and reviewed, and its best score."""

    def __init__(self) -> None:
        self.measured_at: list[int] = []
        self.reviewed_at: list[int] = []
        self.best: list[float] = []

    def measured(self, session: Session, losses: dict[str, float]) -> None:
        self.measured_at.append(session.steps)

    def reviewed(self, session: Session, review: Review) -> None:
        self.reviewed_at.append(session.steps)

    def stepped(self, session: Session) -> None:
        self.best.append(session.best.get("step", 0.0))


def test_a_stage_ends_with_losses_and_pictures_and_the_best_is_found_anew(tiny_session: SessionOf) -> None:
    session, notes = two_stages(tiny_session, log_every=100, sample_every=100), Notes()
    assert run_session(session, [notes], lambda: None) is None
    assert notes.measured_at == [3, 6]
    assert notes.reviewed_at == [3, 6]
    assert session.best["step"] == 6.0
    # Before the first review of the second stage, there is no best checkpoint of it.
    assert notes.best[3:5] == [0.0, 0.0]


def test_what_a_prior_says_of_its_codes_is_one_line(tiny_session: SessionOf, monkeypatch: pytest.MonkeyPatch) -> None:
    session = two_stages(tiny_session, "aae", "full-gaussian", stages="autoencoder:1,code-fitting:1")

    def refuse(*arguments: Any) -> None:
        raise ValueError("the codes cannot be fitted; use others")

    monkeypatch.setattr(session.system.prior, "fit_codes", refuse)
    session.step()
    with pytest.raises(ConfigurationError, match=r"^--prior full-gaussian: the codes cannot be fitted; use others$"):
        session.step()


def test_a_prior_is_told_the_scale_of_the_codes_when_its_stage_begins(tiny_session: Callable[..., Session]) -> None:
    changes = {"prior": {"name": "flow-matching", "hidden": 8}, "regularizer": "none"}
    session = tiny_session("aae", **changes, stages="autoencoder:1,code-fitting:2")
    while not session.finished():
        session.step()
        if session.steps == 1:
            assert session.system.prior.standardisation.deviation.tolist() == [1.0] * 4  # type: ignore[union-attr]
    mean, deviation = session.source.moments() or (torch.empty(0), torch.empty(0))
    for prior in (session.system.prior, session.model.prior):
        assert torch.equal(prior.standardisation.mean, mean)  # type: ignore[union-attr, arg-type]
        assert torch.equal(prior.standardisation.deviation, deviation)  # type: ignore[union-attr, arg-type]


def test_a_prior_that_has_learned_beside_the_autoencoder_keeps_its_scale(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("matched", stages="all:1,code-fitting:1")
    while not session.finished():
        session.step()
    assert session.system.prior.standardisation.deviation.tolist() == [1.0] * 4  # type: ignore[union-attr]
