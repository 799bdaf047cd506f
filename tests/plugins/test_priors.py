"""What priors that learn by likelihood are for; tests/testing/test_builtin_priors.py holds all to their contract."""

from typing import Any

import pytest
import torch

from priorkit.interfaces import Learning
from priorkit.testing import Case
from priorkit.testing.subjects.prior import PriorSubject

LEARNED: list[tuple[str, dict[str, Any], int]] = [
    ("vampprior", {"pseudo_inputs": 3, "start": "images"}, 0),
    ("mixture", {"components": 4, "learned": True, "means": "random", "radius": 1.0}, 0),
    ("mixture", {"learned": True, "means": "encodings"}, 3),
    ("tree", {"depth": 2, "branching": 2}, 0),
    *(
        ("flow", {"kind": kind, "transforms": 2, "hidden": (8,)}, 0)
        for kind in ("realnvp", "coupling-nsf", "maf", "nsf")
    ),
    ("flow", {"transforms": 2, "hidden": (8,)}, 3),
]


@pytest.mark.parametrize(("name", "options", "classes"), LEARNED)
def test_learning_raises_the_density(name: str, options: dict[str, Any], classes: int) -> None:
    subject = PriorSubject(Case("prior", name, options), code_dim=2, classes=classes)
    prior = subject.component()
    assert prior.learning is Learning.LIKELIHOOD
    codes = torch.randn(60, 2, generator=torch.Generator().manual_seed(3)) * torch.tensor([1.0, 0.3]) + 0.5
    condition = subject.condition(prior, subject.inputs(prior, 60, 0))
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = -subject.density(prior, codes, condition).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.05
