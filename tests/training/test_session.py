from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.config import RunConfig
from priorkit.data import to_float
from priorkit.engine import CheckpointStore
from priorkit.errors import ConfigurationError, NonFiniteLossError
from priorkit.interfaces import ImageData, ImageSet
from priorkit.models.held_out import energy_distance, reconstruction_error
from priorkit.registry import Registry
from priorkit.training import Session

RESIDUAL = {"name": "residual", "width": 2, "critic_hidden": 8, "code_critic_width": 10}


def optimizer_states(session: Session) -> dict[str, Tensor]:
    return {
        f"{name}/{index}/{key}": torch.as_tensor(value)
        for name, optimizer in session.engine.optimizers.items()
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def everything(session: Session) -> dict[str, Tensor]:
    """Returns the whole state of a session: weights, statistics, averages, optimiser states, position and losses."""
    engine = session.engine.state_dict()
    position = {key: torch.tensor(engine[key]) for key in ("steps", "images_seen")}
    updates = (
        {name: torch.tensor(count) for name, count in session.averages.updates.items()} if session.averages else {}
    )
    losses = {f"loss/{key}": torch.tensor(value) for key, value in session.engine.losses(reset=False).items()}
    tensors = {**session.weights(), **optimizer_states(session), **position, **updates, **losses}
    return {key: value.detach().clone() for key, value in tensors.items()}


def differing(first: dict[str, Tensor], second: dict[str, Tensor]) -> list[str]:
    assert first.keys() == second.keys()
    return [key for key in first if not torch.equal(first[key], second[key])]


# Repeatability.

VARIANTS = [
    ("learned", {}),
    ("learned", {"networks": RESIDUAL}),
    ("learned", {"networks": {"dropout": 0.5}, "encoder": "gaussian", "reconstructions_as_fakes": True}),
    ("learned", {"optimizer": "sgd", "clip_norm": 1.0, "simultaneous": True}),
    ("learned", {"precision": "bfloat16"}),
    ("aae", {"optimizer": "rmsprop"}),
    ("vae", {"optimizer": "adamw", "weight_decay": 0.01, "average": 0.0}),
    ("vae", {"prior": "location"}),
    ("aae", {"regularizer": {"name": "sliced-wasserstein", "projections": 3}}),
    ("vae", {"prior": "location", "regularizer": "mmd"}),
    ("learned", {"condition": {"name": "labels", "recovery": "both"}, "critic_steps": 2}),
    ("learned", {"condition": "embedding", "critic_steps": 3, "reconstructions_as_fakes": True}),
    (
        "learned",
        {
            "condition": {"name": "embedding", "interpolated": 0.5},
            "prior": {"name": "learned", "conditioning_augmentation": 2.0},
        },
    ),
    ("learned", {"networks": {"name": "began", "width": 2, "code_critic_width": 10}, "adversarial_loss": "began"}),
    ("learned", {"networks": {**RESIDUAL, "critic_norm": "none"}, "adversarial_loss": "wasserstein-gp"}),
]


@pytest.mark.parametrize(("recipe", "changes"), VARIANTS)
def test_the_same_seed_gives_the_same_run(
    recipe: str, changes: dict[str, Any], tiny_session: Callable[..., Session]
) -> None:
    results = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        session = tiny_session(recipe, **changes)
        for _ in range(4):
            session.step()
            torch.rand(global_seed)
        results.append(everything(session))
    assert differing(*results) == []


def test_another_seed_gives_another_run(tiny_session: Callable[..., Session]) -> None:
    first, second = (tiny_session("learned", seed=seed) for seed in (0, 1))
    assert differing(first.weights(), second.weights())
    assert not torch.equal(first.source.batches.at(0), second.source.batches.at(0))


@pytest.mark.parametrize(("recipe", "changes"), VARIANTS)
def test_saved_and_loaded_in_between_makes_no_difference(
    recipe: str, changes: dict[str, Any], tiny_session: Callable[..., Session], tmp_path: Path
) -> None:
    whole = tiny_session(recipe, **changes)
    for _ in range(10):
        whole.step()
    first = tiny_session(recipe, **changes)
    for _ in range(5):
        first.step()
    first.seconds, first.best = 12.5, {"score": 0.25, "step": 4.0}
    store = CheckpointStore(tmp_path)
    store.save(first.steps, first.weights(), first.state(), ["last"])
    second = tiny_session(recipe, **changes)
    second.step()
    second.load(store.load_weights(), store.load_state())
    assert (second.steps, second.seconds, second.best) == (5, 12.5, {"score": 0.25, "step": 4.0})
    for _ in range(5):
        second.step()
    assert differing(everything(second), everything(whole)) == []
    assert second.model.sample(5).equal(whole.model.sample(5))


def test_layouts_in_memory_survive_a_checkpoint(tiny_session: Callable[..., Session], tmp_path: Path) -> None:
    """Fused optimisers need weights and their states in the same memory layout."""
    first, second = (tiny_session("learned", networks=RESIDUAL, channels_last=True) for _ in range(2))
    first.step()
    store = CheckpointStore(tmp_path)
    store.save(1, first.weights(), first.state(), ["last"])
    second.load(store.load_weights(), store.load_state())
    for name, optimizer in second.engine.optimizers.items():
        for weight, state in optimizer.state.items():
            assert state["exp_avg"].stride() == weight.stride(), name


# Limits, reviews and checks.


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"steps": 7}, 7),
        ({"epochs": 2.0}, 7),  # 2 * 20 images / 6
        ({"epochs": 0.01}, 1),
        ({"steps": 3, "epochs": 2.0}, 3),
        ({"steps": 30, "epochs": 2.0}, 7),
        ({"max_time": 10}, None),
    ],
)
def test_a_run_ends_at_its_first_limit(
    limits: dict[str, Any], expected: int | None, tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session("vae", **limits)
    assert session.total_steps() == expected
    steps = 0
    while not session.finished() and steps < 40:
        session.step()
        steps += 1
    assert steps == (expected or 40)


def test_a_run_ends_when_its_time_is_over(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", max_time=10, steps=1000)
    session.seconds = 9.9
    assert not session.finished()
    session.seconds = 10.0
    assert session.finished()


def test_a_review_changes_nothing_and_repeats_itself(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", networks={"dropout": 0.5})
    session.step()
    before, random = everything(session), torch.get_rng_state()
    first, second = session.review(), session.review()
    assert differing(everything(session), before) == []
    assert torch.equal(torch.get_rng_state(), random)
    assert all(layer.training for network in session.system.trained().values() for layer in network.modules())
    assert torch.equal(first.samples, second.samples)
    assert torch.equal(first.reconstructions, second.reconstructions)
    assert first.scores == second.scores
    session.step()
    assert not torch.equal(session.review().samples, first.samples)


def test_a_review_shows_and_scores_the_model(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned")
    session.step()
    review = session.review()
    images = to_float(session.data.test.images)
    assert torch.equal(review.originals, session.data.test.images)
    assert review.samples.shape == (64, 1, 16, 16)
    assert {review.samples.dtype, review.reconstructions.dtype} == {torch.uint8}
    samples, reconstructions = session.model.sample(64, session.config.seed), session.model.reconstruct(images)
    assert review.scores == {
        "reconstruction_error": pytest.approx(reconstruction_error(reconstructions, images)),
        "sample_distance": pytest.approx(energy_distance(samples, images)),
    }
    assert torch.allclose(to_float(review.reconstructions), reconstructions, atol=1 / 255)


def test_one_held_out_image_has_no_sample_distance(tiny_session: Callable[..., Session]) -> None:
    review = tiny_session("learned", dataset={"test": 1}).review()
    assert set(review.scores) == {"reconstruction_error"}
    assert review.originals.shape == review.reconstructions.shape == (1, 1, 16, 16)


def test_the_model_is_the_averaged_one(tiny_session: Callable[..., Session]) -> None:
    def shares_weights(network: nn.Module, other: nn.Module) -> bool:
        return all(mine is theirs for mine, theirs in zip(network.parameters(), other.parameters(), strict=True))

    session = tiny_session("learned", average=0.9)
    session.step()
    for name in ("encoder", "decoder", "prior"):
        assert shares_weights(getattr(session.model, name), session.averages.networks[name])
    plain = tiny_session("learned", average=0.0)
    assert plain.averages is None
    for name in ("encoder", "decoder", "prior"):
        assert shares_weights(getattr(plain.model, name), getattr(plain.system, name))
    fixed_prior = tiny_session("aae", average=0.9)
    assert "prior" not in fixed_prior.averages.networks
    assert not shares_weights(fixed_prior.model.decoder, fixed_prior.system.decoder)


def test_a_copied_prior_reads_the_copied_encoder(tiny_session: Callable[..., Session]) -> None:
    """Samples before and after saving a run must come from the same distribution."""
    session = tiny_session("vampprior", prior={"pseudo_inputs": 5})
    session.step()
    codes = session.model.codes(5)
    with torch.no_grad():
        for weight in session.system.encoder.parameters():
            weight.add_(1)
    assert torch.equal(session.model.codes(5), codes)


@pytest.mark.parametrize("network", ["encoder", "decoder", "prior", "regularizer", "image_critic"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_an_error(
    network: str, value: float, tiny_session: Callable[..., Session]
) -> None:
    session = tiny_session("learned")
    session.step()
    session.check_finite()
    with torch.no_grad():
        next(session.system.trained()[network].parameters()).flatten()[-1] = value
    with pytest.raises(NonFiniteLossError, match=f"weights of the {network} .*step 1: training diverged"):
        session.check_finite()


def test_a_batch_larger_than_the_data_is_refused(tiny_session: Callable[..., Session]) -> None:
    with pytest.raises(ConfigurationError, match=r"21 .*20 training images.*--batch-size 20"):
        tiny_session("learned", batch_size=21)


def test_learning_rates_of_single_networks(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", learning_rate=0.01, learning_rates={"prior": 0.5, "image_critic": 0.25})
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in session.engine.optimizers.items()}
    assert rates == {"encoder": 0.01, "decoder": 0.01, "regularizer": 0.01, "prior": 0.5, "image_critic": 0.25}


def test_weights_start_from_the_seed_alone(tiny_session: Callable[..., Session]) -> None:
    states = []
    for global_seed in (3, 4):
        torch.manual_seed(global_seed)
        states.append(tiny_session("learned").weights())
    assert differing(*states) == []


def test_data_and_configuration_must_fit(registry: Registry, tiny_config: Callable[..., RunConfig]) -> None:
    tall = ImageSet(torch.zeros(8, 1, 16, 20, dtype=torch.uint8))
    with pytest.raises(ValueError, match="square"):
        Session(tiny_config("vae"), registry, ImageData(tall, tall))
