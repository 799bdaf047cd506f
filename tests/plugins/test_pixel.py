"""The loss `pixel`."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.distributions import Bernoulli, Laplace, Normal
from torch.nn import functional

from priorkit.interfaces import ImageShape, ReconstructionLoss
from priorkit.plugins import LossContext
from priorkit_plugins.perceptual.loss import PerceptualLoss
from priorkit_plugins.pixel import PixelOptions, priorkit_losses

DISTANCES = ("squared", "absolute", "cross-entropy")


def make(**options: Any) -> ReconstructionLoss:
    (component,) = priorkit_losses()
    assert component.name == "pixel"
    return component.build(PixelOptions(**options), LossContext(ImageShape(1, 16)))


def reference(distance: str, reconstruction: Tensor, image: Tensor) -> Tensor:
    """The mean over everything, by torch's own functions."""
    if distance == "cross-entropy":
        return functional.binary_cross_entropy((1 + reconstruction) / 2, (1 + image) / 2)
    return {"squared": functional.mse_loss, "absolute": functional.l1_loss}[distance](reconstruction, image)


def images(n: int, channels: int, size: int, seed: int, extent: float = 0.95) -> tuple[Tensor, Tensor]:
    uniform = torch.rand(2, n, channels, size, size, generator=torch.Generator().manual_seed(seed))
    reconstruction, image = extent * (2 * uniform - 1)
    return reconstruction, image


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(1, 5),
    channels=st.sampled_from([1, 3]),
    size=st.integers(1, 9),
    weight=st.floats(0.01, 100),
    seed=st.integers(0, 2**63 - 1),
)
@pytest.mark.parametrize("distance", DISTANCES)
def test_values_and_gradients_are_those_of_torch(
    distance: str, n: int, channels: int, size: int, weight: float, seed: int
) -> None:
    reconstruction, image = images(n, channels, size, seed)
    reconstruction.requires_grad_()
    expected = weight * reference(distance, reconstruction, image)
    (expected_gradient,) = torch.autograd.grad(expected, reconstruction)
    for reduction, factor in (("mean", 1), ("sum", channels * size * size)):
        loss = make(distance=distance, reduction=reduction, weight=weight)(reconstruction, image)
        assert loss.shape == ()
        assert loss >= 0
        torch.testing.assert_close(loss, factor * expected, rtol=1e-4, atol=1e-6)
        (gradient,) = torch.autograd.grad(loss, reconstruction)
        torch.testing.assert_close(gradient, factor * expected_gradient, rtol=1e-3, atol=1e-5 * factor * weight)


@pytest.mark.parametrize(
    ("options", "value"),
    [
        # Two images of two pixels: the reconstructions differ by (1, 0) and (0.5, -1).
        ({"distance": "squared"}, (1 + 0 + 0.25 + 1) / 4),
        ({"distance": "squared", "reduction": "sum"}, (1 + 0 + 0.25 + 1) / 2),
        ({"distance": "absolute"}, (1 + 0 + 0.5 + 1) / 4),
        ({"distance": "absolute", "reduction": "sum", "weight": 3}, 3 * (1 + 0 + 0.5 + 1) / 2),
        # Probabilities 1/2 where 0 and 1 are wanted, 3/4 where 1/2 is, and 1/2 where 1 is.
        (
            {"distance": "cross-entropy", "reduction": "sum"},
            (2 * math.log(2) + math.log(4 / 3) / 2 + math.log(4) / 2 + math.log(2)) / 2,
        ),
    ],
)
def test_by_hand(options: dict[str, Any], value: float) -> None:
    if options["distance"] == "cross-entropy":
        reconstruction, image = [[0.0, 0.0], [0.5, 0.0]], [[-1.0, 1.0], [0.0, 1.0]]
    else:
        reconstruction, image = [[0.0, 0.5], [0.5, -1.0]], [[-1.0, 0.5], [0.0, 0.0]]
    loss = make(**options)(torch.tensor(reconstruction).view(2, 1, 1, 2), torch.tensor(image).view(2, 1, 1, 2))
    torch.testing.assert_close(loss, torch.tensor(value))


@pytest.mark.parametrize("wanted", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("made", [-1.0, 1.0])
@pytest.mark.parametrize("distance", DISTANCES)
def test_black_and_white_are_finite(distance: str, made: float, wanted: float) -> None:
    reconstruction = torch.full((2, 1, 4, 4), made, requires_grad=True)
    loss = make(distance=distance)(reconstruction, torch.full((2, 1, 4, 4), wanted))
    loss.backward()
    assert torch.isfinite(loss)
    assert loss >= 0
    assert reconstruction.grad is not None
    assert torch.isfinite(reconstruction.grad).all()
    if made == wanted:
        assert loss < 1e-5
    else:
        assert loss > 0.5
        # The way back is open even from the very edge.
        assert (reconstruction.grad * (made - wanted) > 0).all()


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_gradient_leads_to_the_image(distance: str) -> None:
    reconstruction, image = images(1, 1, 4, seed=0)
    loss = make(distance=distance, reduction="sum")
    before = loss(reconstruction, image)
    for _ in range(200):
        reconstruction = reconstruction.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(reconstruction, image), reconstruction)
        reconstruction = (reconstruction - 0.02 * gradient).clamp(-1, 1)
    assert loss(reconstruction, image) < before
    assert (reconstruction - image).abs().max() < 0.05


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_layout_in_memory_does_not_matter(distance: str) -> None:
    reconstruction, image = images(3, 3, 5, seed=0)
    loss = make(distance=distance)
    other = loss(reconstruction.contiguous(memory_format=torch.channels_last), image)
    torch.testing.assert_close(other, loss(reconstruction, image))


@pytest.mark.parametrize("options", [{"distance": "cubic"}, {"reduction": "max"}, {"weight": 0}, {"weight": -1}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PixelOptions.model_validate(options)


@pytest.mark.parametrize("weight", [0.5, 1.0, 3.0])
def test_squared_and_absolute_are_likelihoods(weight: float) -> None:
    given, wanted = images(4, 3, 5, 0)
    normal = Normal(given, (1 / (2 * weight)) ** 0.5).log_prob(wanted).flatten(1).sum(1)
    laplace = Laplace(given, 1 / weight).log_prob(wanted).flatten(1).sum(1)
    for distance, expected in (("squared", normal), ("absolute", laplace)):
        loss = make(distance=distance, reduction="sum", weight=weight)
        torch.testing.assert_close(loss.log_likelihood(given, wanted), expected)
        assert not loss.of_binary_images
        # Up to a constant the loss is minus the likelihood, so training one trains the other.
        constant = loss(given, wanted) + loss.log_likelihood(given, wanted).mean()
        moved = loss(0.5 * given, wanted) + loss.log_likelihood(0.5 * given, wanted).mean()
        torch.testing.assert_close(constant, moved, rtol=1e-4, atol=1e-3)


def test_cross_entropy_is_the_likelihood_of_black_and_white() -> None:
    given, wanted = images(4, 1, 5, 0)
    binary = wanted.sign()
    expected = Bernoulli((1 + given) / 2).log_prob((1 + binary) / 2).flatten(1).sum(1)
    loss = make(distance="cross-entropy", reduction="sum")
    torch.testing.assert_close(loss.log_likelihood(given, binary), expected, rtol=1e-4, atol=1e-4)
    assert loss.of_binary_images


def test_losses_that_are_no_likelihoods() -> None:
    given, wanted = images(2, 1, 4, 0)
    for distance in DISTANCES:
        with pytest.raises(TypeError, match=r"--loss.reduction sum"):
            make(distance=distance).log_likelihood(given, wanted)
    with pytest.raises(TypeError, match=r"--loss.weight 1"):
        make(distance="cross-entropy", reduction="sum", weight=2.0).log_likelihood(given, wanted)
    with pytest.raises(TypeError, match="PerceptualLoss is not a likelihood of pixels"):
        PerceptualLoss().log_likelihood(given, wanted)


def test_a_multiplier_holds_the_distance_at_a_tolerance() -> None:
    """Algorithm 1 of Rezende and Viola 2018, step by step."""
    loss = make(tolerance=0.1, multiplier_rate=0.05, reduction="sum").train()
    logarithm, average = 0.0, None
    for seed in range(6):
        reconstruction, image = images(3, 1, 5, seed, extent=0.9 if seed < 3 else 0.1)
        reconstruction.requires_grad_()
        distance = reference("squared", reconstruction, image)
        found = loss(reconstruction, image)
        torch.testing.assert_close(found, math.exp(logarithm) * 25 * distance, rtol=1e-4, atol=1e-6)
        (gradient,) = torch.autograd.grad(found, reconstruction)
        expected = math.exp(logarithm) * 2 * (reconstruction - image).detach() / 3
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)
        missed = min(1.0, float(distance.detach()) / 0.1 - 1)
        average = missed if average is None else 0.9 * average + 0.1 * missed
        logarithm += 0.05 * average
    # In use it stays, and it is saved.
    kept = {name: value.clone() for name, value in loss.state_dict().items()}
    loss.eval()
    loss(reconstruction, image)
    with torch.no_grad():
        loss.train()
        loss(reconstruction, image)
    assert all(torch.equal(value, kept[name]) for name, value in loss.state_dict().items())
    assert float(kept["log_multiplier"]) == pytest.approx(logarithm, rel=1e-4)
    with pytest.raises(TypeError, match=r"without --loss\.tolerance"):
        loss.log_likelihood(reconstruction, image)


def test_a_constraint_is_met() -> None:
    """Of one number that is pulled to 0 by a square and to 1 by the loss, the distance ends at the tolerance."""
    loss = make(tolerance=0.09, multiplier_rate=0.05)
    value, image = torch.zeros(1, 1, 1, 1, requires_grad=True), torch.ones(1, 1, 1, 1)
    for _ in range(3000):
        total = value.square().sum() + loss(value, image)
        (gradient,) = torch.autograd.grad(total, value)
        # A step of Newton's towards what the multiplier of the moment asks for.
        value = (value - 0.1 * gradient / (2 + 2 * loss.log_multiplier.exp())).detach().requires_grad_()
    assert float((value.detach() - image).square()) == pytest.approx(0.09, abs=0.02)


def test_a_multiplier_that_cannot_win_stays_finite() -> None:
    loss = make(tolerance=1e-6, multiplier_rate=1.0)
    reconstruction, image = images(2, 1, 4, 0)
    reconstruction.requires_grad_()
    for _ in range(5):
        assert bool(loss(reconstruction, image).isfinite())
