from collections.abc import Callable

import pytest
import torch

from priorkit.exploring.noise_controls import noise_controls
from priorkit.runs import Run


def test_numbers_with_the_largest_effect_come_first(
    train_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train_tiny().model
    count = torch.Size(model.noise(1).shape[1:]).numel()
    weights = torch.rand(count, generator=torch.Generator().manual_seed(3))

    def decode(codes: torch.Tensor, *, from_prior: bool) -> torch.Tensor:
        return codes.view(len(codes), 1, 1, -1)

    monkeypatch.setattr(model, "codes_of", lambda noise, condition=None: noise.flatten(1) * weights)
    monkeypatch.setattr(model, "decode", decode)
    found = noise_controls(model, seed=0)
    assert list(found.order) == weights.argsort(descending=True).tolist()
    assert found.drawn is None
