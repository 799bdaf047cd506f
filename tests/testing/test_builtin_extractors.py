"""Every built-in feature extractor keeps its contract."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity import feature_extractor_inceptionv3 as inception

from clip_folder import write_clip_folder
from priorkit.interfaces import ImageShape
from priorkit.testing import Case, Situations
from quick_choices import contracts

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit")

SMALL = Situations(shapes=(ImageShape(1, 16), ImageShape(3, 16)), examples=2)
ONE = Situations(shapes=(ImageShape(1, 16),), examples=2)
CASES = [
    Case("extractor", "classifier", {"steps": 2, "epochs": 1, "width": 4}, situations=SMALL),
    Case("extractor", "torchscript", {"file": Path("features.pt")}, situations=SMALL),
    Case("extractor", "torchscript", {"file": Path("logits.pt"), "rgb": True, "size": 8}, situations=SMALL),
    Case("extractor", "two-tower", {"steps": 20, "width": 4, "dim": 8, "batch_size": 16}, situations=SMALL),
    Case("extractor", "inception", {"weights": Path("inception.pth")}, situations=ONE),
]
if find_spec("transformers") is not None:
    CASES.append(Case("extractor", "clip", {"model": Path("clip")}, situations=SMALL))


class Means(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return torch.cat([image.mean(2), image.amax(2)], 2).flatten(1)


class Logits(nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        flat = image.flatten(1)
        return flat[:, :5], flat[:, :3]


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Writes networks to files in the working directory; the weights of Inception are random."""
    root = tmp_path_factory.mktemp("networks")
    torch.jit.save(torch.jit.script(Means()), str(root / "features.pt"))
    torch.jit.save(torch.jit.script(Logits()), str(root / "logits.pt"))
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(inception.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        patch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: {})
        made = inception.FeatureExtractorInceptionV3("random", ["2048", "logits_unbiased"])
    torch.save(made.state_dict(), root / "inception.pth")
    if find_spec("transformers") is not None:
        write_clip_folder(root / "clip")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield
    (root / "inception.pth").unlink()


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_none_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    owned = built_in("extractor")
    # `clip` reads its model with transformers, which may not be installed.
    assert {case.subject for case in CASES} | {"clip"} == owned
