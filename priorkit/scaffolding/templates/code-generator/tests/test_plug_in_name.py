"""The code generator `plug-in-name`."""

from collections.abc import Callable
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks

from priorkit_plug_in_name.code_generator import PlugInNameCodeGenerator

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("code_generator", "plug-in-name"),
    Case("code_generator", "plug-in-name", {"layers": 1}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_without_its_layers_it_is_linear(seed: int) -> None:
    torch.manual_seed(seed)
    generator = PlugInNameCodeGenerator(noise_dim=5, code_dim=3).eval()
    z, other = torch.randn(2, 4, 5)
    torch.nn.init.zeros_(generator.get_parameter("bend.4.weight"))
    # A new batch norm in evaluation mode changes its input only by rounding.
    torch.testing.assert_close(generator(z), z @ generator.path.weight.T, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(generator(z + other), generator(z) + generator(other), rtol=1e-4, atol=1e-5)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--code-generator", "plug-in-name", "--code-generator.layers", "1"]
    assert main(["train", "learned", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
