from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from priorkit.data import to_float
from priorkit.errors import ConfigurationError
from priorkit.models import Model
from priorkit.models.model import evaluating
from priorkit.training import Session


@pytest.fixture(params=["learned", "vae"])
def session(request: pytest.FixtureRequest, tiny_session: Callable[..., Session]) -> Session:
    session = tiny_session(request.param, networks={"dropout": 0.3}, average=0.0)
    for _ in range(3):
        session.step()
    return session


@pytest.fixture
def model(session: Session) -> Model:
    return session.model


@pytest.fixture
def images(session: Session) -> torch.Tensor:
    return to_float(session.data.test.images)


def close(first: torch.Tensor, second: torch.Tensor) -> bool:
    # A matrix product's rounding may depend on the number of rows.
    return torch.allclose(first, second, rtol=0, atol=1e-5)


def test_shapes_and_ranges(model: Model, images: torch.Tensor) -> None:
    codes = model.encode(images)
    assert codes.shape == model.codes(6).shape == (6, 4)
    for made in (model.decode(codes, from_prior=False), model.sample(6), model.reconstruct(images)):
        assert made.shape == (6, 1, 16, 16)
        assert made.dtype == torch.float32
        assert made.is_contiguous()
        assert made.min() >= -1
        assert made.max() <= 1
    assert torch.equal(model.reconstruct(images), model.decode(codes, from_prior=False))
    assert torch.equal(model.sample(6, seed=4), model.decode(model.codes(6, seed=4), from_prior=True))


def test_a_seed_gives_the_same_samples_however_many(model: Model) -> None:
    many = model.sample(1203, seed=1)
    assert many.shape[0] == 1203
    for n in (1, 7, 499, 500, 501, 1000):
        assert close(model.sample(n, seed=1), many[:n]), n
    torch.manual_seed(0)
    assert torch.equal(model.sample(9, seed=1), model.sample(9, seed=1))
    assert not close(model.sample(9, seed=2), many[:9])
    # Chunks have noise of their own.
    assert not close(many[:500], many[500:1000])


def test_images_of_a_batch_do_not_meet(model: Model, images: torch.Tensor) -> None:
    codes = model.codes(600)
    for from_prior in (False, True):
        decoded = model.decode(codes, from_prior=from_prior)
        assert close(decoded[[3, 555]], model.decode(codes[[3, 555]], from_prior=from_prior))
    assert close(model.encode(images)[2:3], model.encode(images[2:3]))
    assert close(model.reconstruct(images.flip(0)).flip(0), model.reconstruct(images))


def test_leaves_no_trace(session: Session, model: Model, images: torch.Tensor) -> None:
    session.system.decoder[2].eval()
    before = {key: value.clone() for key, value in session.weights().items()}
    modes = {id(layer): layer.training for network in session.system.modules().values() for layer in network.modules()}
    torch.manual_seed(7)
    random = torch.get_rng_state()
    outputs = [model.sample(3), model.encode(images), model.reconstruct(images), model.codes(2)]
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[key]) for key, value in session.weights().items())
    for network in session.system.modules().values():
        for layer in network.modules():
            assert layer.training == modes[id(layer)]
        assert all(weight.grad is None and weight.requires_grad for weight in network.parameters())
    assert not any(output.requires_grad for output in outputs)


def test_bfloat16_gives_float32_images_near_those_of_float32(tiny_session: Callable[..., Session]) -> None:
    models = []
    for precision in ("float32", "bfloat16"):
        session = tiny_session("learned", precision=precision)
        models.append(session.model)
    full, half = (model.sample(8) for model in models)
    assert half.dtype == torch.float32
    assert torch.allclose(full, half, atol=0.05)
    assert not torch.equal(full, half)


def test_evaluation_ends_with_its_block_even_after_an_error() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2)))
    network[1][0].eval()
    with evaluating(network):
        assert not any(layer.training for layer in network.modules())
        assert not torch.is_grad_enabled()
    with pytest.raises(RuntimeError), evaluating(network):
        raise RuntimeError
    assert torch.is_grad_enabled()
    assert [layer.training for layer in network.modules()] == [True, True, True, False, True]


@pytest.fixture(params=["labels", "categorical"])
def asked(request: pytest.FixtureRequest, tiny_session: Callable[..., Session]) -> Model:
    """A model whose images are conditioned on classes."""
    return tiny_session("learned", condition=request.param).model


def test_classes_are_one_hot(asked: Model) -> None:
    labels = torch.tensor([1, 0, 1])
    assert asked.classes == (2 if asked.condition.from_labels else 10)
    conditions = asked.class_conditions(labels)
    assert conditions.shape == (3, asked.classes)
    assert torch.equal(conditions.argmax(1), labels)
    assert torch.equal(conditions.sum(1), torch.ones(3))
    drawn = asked.conditions(20)
    assert torch.equal(asked.class_conditions(drawn.argmax(1)), drawn)
    for wrong in (-1, asked.classes):
        with pytest.raises(ValueError, match=f"classes must be from 0 to {asked.classes - 1}, not from {wrong}"):
            asked.class_conditions(torch.tensor([wrong]))


def test_an_average_of_q_labels_images_where_q_labels_them_itself(tiny_session: Callable[..., Session]) -> None:
    def labels_by_an_average(recovery: str, **changes: Any) -> bool:
        session = tiny_session("learned-unsupervised", condition={"recovery": recovery}, **changes)
        for _ in range(3):
            session.step()
        model, system = session.model, session.system
        same = [
            torch.equal(next(used.parameters()), next(raw.parameters()))
            for used, raw in ((model.image_critic, system.image_critic), (model.recogniser, system.recogniser))
        ]
        assert same[0] == same[1]
        return not same[0]

    assert labels_by_an_average("self-labelled")
    assert not labels_by_an_average("self-labelled", average=0)
    assert not labels_by_an_average("generated")


def test_what_stands_beside_a_class_is_in_the_middle(tiny_session: Callable[..., Session]) -> None:
    condition = {"name": "categorical", "classes": 3, "continuous": 2}
    model = tiny_session("learned", condition=condition).model
    assert (model.classes, model.condition.dim) == (3, 5)
    expected = torch.tensor([[0.0, 0, 1, 0, 0], [1, 0, 0, 0, 0]])
    assert torch.equal(model.class_conditions(torch.tensor([2, 0])), expected)
    assert model.sample(2, condition=expected).shape == model.sample(2).shape
    assert model.recognise(model.sample(2)).shape == (2, 5)


def test_codes_of_noise_are_those_of_its_seed(asked: Model) -> None:
    condition = asked.conditions(700, 3)
    assert close(asked.codes_of(asked.noise(700, 3), condition), asked.codes(700, 3))
    assert close(asked.noise(700, 3)[:7], asked.noise(7, 3))
    other = condition.roll(1, dims=1)
    assert not close(asked.codes_of(asked.noise(700, 3), other), asked.codes(700, 3))
    with pytest.raises(ConfigurationError, match="this run has a condition"):
        asked.codes_of(asked.noise(2))
    for codes in (lambda wrong: asked.codes_of(asked.noise(2), wrong), lambda wrong: asked.codes(2, 0, wrong)):
        with pytest.raises(ValueError, match="the condition must have the shape"):
            codes(condition[:3])


def test_a_grid_shares_noise_in_rows_and_classes_in_columns(asked: Model) -> None:
    conditions = asked.class_conditions(torch.tensor([1, 0, 1]))
    grid = asked.sample_grid(conditions, 4, seed=2).unflatten(0, (4, 3))
    assert grid.shape == (4, 3, 1, 16, 16)
    for row in range(4):
        noise = asked.noise(4, 2)[row : row + 1]
        for column in range(3):
            image = asked.decode(asked.codes_of(noise, conditions[column : column + 1]), from_prior=True)
            assert close(grid[row, column], image[0])
    assert close(grid[:, 0], grid[:, 2])
    assert not close(grid[:, 0], grid[:, 1])


def test_without_a_condition_nothing_can_be_asked_for(model: Model) -> None:
    assert model.classes == 0
    assert close(model.codes_of(model.noise(5, 1)), model.codes(5, 1))
    one = torch.ones(1, 1)
    for ask in (
        lambda: model.conditions(1),
        lambda: model.class_conditions(torch.tensor([0])),
        lambda: model.codes(1, 0, one),
        lambda: model.codes_of(model.noise(1), one),
        lambda: model.sample_grid(one, 1),
    ):
        with pytest.raises(ConfigurationError, match=r"this run has no condition.*--condition labels"):
            ask()


def test_features_are_those_of_the_image_critic(session: Session, model: Model, images: torch.Tensor) -> None:
    if model.image_critic is None:
        with pytest.raises(ConfigurationError, match="this run has no image discriminator"):
            model.critic_features(images)
    else:
        with evaluating(model.image_critic), torch.no_grad():
            expected = model.image_critic.features(images)
        assert close(model.critic_features(images), expected)
