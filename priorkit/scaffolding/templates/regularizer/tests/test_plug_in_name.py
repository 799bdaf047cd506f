"""The regularizer `plug-in-name`."""

from collections.abc import Callable
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.interfaces import Posterior, Prior
from priorkit.testing import Case, parametrize_with_checks
from torch import Tensor

from priorkit_plug_in_name.regularizer import PlugInNameRegularizer

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("regularizer", "plug-in-name"),
    Case("regularizer", "plug-in-name", {"weight": 3.0}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


class NormalPrior(Prior):
    """A standard normal distribution."""

    code_dim = 3

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.randn(n, 3, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return noise


def distance(code: Tensor, prior_code: Tensor) -> Tensor:
    regularizer = PlugInNameRegularizer()
    terms = regularizer.encoder_terms(Posterior(code, code), NormalPrior(), prior_code)
    (term,) = terms.values()
    return term


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_is_the_distance_of_the_moments(seed: int) -> None:
    code, prior_code = torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(seed))
    apart = (torch.cov(code.T) - torch.cov(prior_code.T)).square().sum()
    expected = (code.mean(0) - prior_code.mean(0)).square().sum() + apart
    torch.testing.assert_close(distance(code, prior_code), expected)
    # Shifted codes differ in the mean alone; codes in another order do not differ.
    moved = code + torch.tensor([2.0, 0.0, 1.0])
    torch.testing.assert_close(distance(moved, code), torch.tensor(5.0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(distance(code.flip(0), code), torch.tensor(0.0))


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--regularizer", "plug-in-name"]
    assert main(["train", "aae", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
