from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from priorkit.exporting import NoiseSpan, noise_law
from priorkit.interfaces import Prior


class _Drawn(Prior):
    def __init__(self, draw: Callable[[int, torch.Generator | None], Tensor]) -> None:
        super().__init__()
        self.draw = draw

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return self.draw(n, generator)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return noise


def _normal(*shape: int) -> Callable[[int, torch.Generator | None], Tensor]:
    return lambda n, generator: torch.randn(n, *shape, generator=generator)


def test_normal_and_uniform_noise_are_told_apart() -> None:
    assert noise_law(_Drawn(_normal(4))).spans == (NoiseSpan(0, 4, "normal"),)
    uniform = noise_law(_Drawn(lambda n, generator: torch.rand(n, 3, 2, generator=generator)))
    assert uniform.shape == (3, 2)
    assert uniform.spans == (NoiseSpan(0, 2, "uniform"),)
    assert str(uniform) == "uniform in [0, 1)"


def test_parts_of_the_noise_may_be_drawn_otherwise() -> None:
    def draw(n: int, generator: torch.Generator | None) -> Tensor:
        parts = [torch.rand(n, 1, generator=generator), torch.randn(n, 4, generator=generator)]
        return torch.cat([*parts, torch.rand(n, 2, generator=generator)], dim=1)

    law = noise_law(_Drawn(draw))
    assert law.spans == (NoiseSpan(0, 1, "uniform"), NoiseSpan(1, 5, "normal"), NoiseSpan(5, 7, "uniform"))
    assert law.as_data()[1] == {"start": 1, "stop": 5, "distribution": "normal"}
    assert str(law) == "[0:1] uniform in [0, 1), [1:5] standard normal, [5:7] uniform in [0, 1)"


@pytest.mark.parametrize(
    "draw",
    [
        lambda n, generator: 2 * torch.randn(n, 4, generator=generator),
        lambda n, generator: torch.rand(n, 4, generator=generator) ** 2,
        lambda n, generator: 2 * torch.rand(n, 4, generator=generator) - 1,
        lambda n, generator: torch.randint(9, (n, 4), generator=generator).float(),
        lambda n, generator: torch.empty(n, 0),
        lambda n, generator: torch.randn(n, 1, generator=generator).expand(n, 8),
        lambda n, generator: torch.rand(n, 1, generator=generator).expand(n, 8),
        lambda n, generator: 1 - torch.rand(n, 1, generator=generator) * torch.tensor([1, 1.0]),
        lambda n, generator: torch.randn(n, 300, 1, generator=generator).expand(n, 300, 100),
        lambda n, generator: 2**0.5 * nn.functional.normalize(torch.randn(n, 2, generator=generator), dim=1),
    ],
    ids=["wide", "squared", "centred", "whole", "none", "one normal", "one uniform", "turned", "rows", "circle"],
)
def test_other_noise_is_taken_for_neither(draw: Callable[[int, torch.Generator | None], Tensor]) -> None:
    assert {span.distribution for span in noise_law(_Drawn(draw)).spans} == {"other"}


def test_noise_of_many_numbers_takes_few_draws() -> None:
    assert noise_law(_Drawn(_normal(300, 100))).spans == (NoiseSpan(0, 100, "normal"),)


def test_numbers_that_depend_on_others_are_told_apart() -> None:
    def draw(n: int, generator: torch.Generator | None) -> Tensor:
        numbers = torch.randn(n, 6, generator=generator)
        # Each is standard normal alone.
        numbers[:, 4] = 0.6 * numbers[:, 1] + 0.8 * numbers[:, 4]
        return numbers

    spans = [(span.start, span.stop) for span in noise_law(_Drawn(draw)).spans if span.distribution == "other"]
    assert spans == [(1, 2), (4, 5)]
