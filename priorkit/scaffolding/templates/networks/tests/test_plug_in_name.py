"""The networks `plug-in-name`."""

from collections.abc import Callable
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.interfaces import ImageShape
from priorkit.testing import Case, parametrize_with_checks

from priorkit_plug_in_name.networks import PlugInNameNetworks

TINY = "--image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"

CASES = [
    Case("networks", "plug-in-name"),
    Case("networks", "plug-in-name", {"hidden": 6, "layers": 1}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None, max_examples=20)
@given(layers=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_no_image_depends_on_the_others(layers: int, seed: int) -> None:
    torch.manual_seed(seed)
    networks = PlugInNameNetworks(ImageShape(1, 16), hidden=12, layers=layers)
    images = 2 * torch.rand(4, 1, 16, 16) - 1
    for network in (networks.encoder(3), networks.image_critic()):
        together = network.train()(images)
        alone = torch.cat([network(image[None]) for image in images])
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_trains_and_samples(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    chosen = ["--networks", "plug-in-name", "--networks.hidden", "8"]
    assert main(["train", "learned", *chosen, *TINY.split(), "--steps", "2", "--out", run]) == 0
    assert main(["sample", run, "-n", "4", "--out", str(tmp_path / "samples.png"), "--quiet"]) == 0
    assert (tmp_path / "samples.png").stat().st_size > 0
