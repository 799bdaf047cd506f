from collections.abc import Callable

import pytest
import torch
from torch import nn

from priorkit.training import Model, Session, to_float
from priorkit.training.model import evaluating


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
    for made in (model.decode(codes), model.sample(6), model.reconstruct(images)):
        assert made.shape == (6, 1, 16, 16)
        assert made.dtype == torch.float32
        assert made.is_contiguous()
        assert made.min() >= -1
        assert made.max() <= 1
    assert torch.equal(model.reconstruct(images), model.decode(codes))
    assert torch.equal(model.sample(6, seed=4), model.decode(model.codes(6, seed=4)))


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
    assert close(model.decode(codes)[[3, 555]], model.decode(codes[[3, 555]]))
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
