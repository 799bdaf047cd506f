"""The feature extractor `inception`."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_fidelity import feature_extractor_inceptionv3 as inception
from torch_fidelity.metric_isc import isc_features_to_metric

from priorkit.errors import ConfigurationError, DataError, MissingExtraError
from priorkit.evaluation import inception_score
from priorkit.interfaces import FeatureExtractor, ImageData, ImageSet, ImageShape
from priorkit.plugins import ExtractorContext
from priorkit_plugins.inception import InceptionOptions, priorkit_extractors

BLANK = ImageSet(torch.zeros(2, 1, 16, 16, dtype=torch.uint8))
DATA = ImageData(BLANK, BLANK)


def make(cache: Path, weights: Path | None = None) -> FeatureExtractor:
    (component,) = priorkit_extractors()
    assert component.name == "inception"
    context = ExtractorContext(ImageShape(1, 16), cache, torch.device("cpu"))
    return component.build(InceptionOptions(weights=weights), context)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """torch-fidelity's own network with random weights, and a file of them as the published one is."""
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(inception.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        patch.setattr(inception, "load_state_dict_from_url", lambda *_, **__: {})
        made = inception.FeatureExtractorInceptionV3("random", ["2048", "logits_unbiased"])
    torch.save(made.state_dict(), path)
    return made, path


@pytest.fixture(scope="module")
def prepared(network: tuple[Any, Path], tmp_path_factory: pytest.TempPathFactory) -> FeatureExtractor:
    extractor = make(tmp_path_factory.mktemp("cache"), network[1])
    extractor.prepare(DATA)
    return extractor


def test_computes_what_torch_fidelity_does(prepared: FeatureExtractor, network: tuple[Any, Path]) -> None:
    images = torch.randint(0, 256, (3, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    features, logits = network[0](images.repeat(1, 3, 1, 1))
    found = prepared.extract(images)
    torch.testing.assert_close(found.features, features)
    assert found.probabilities is not None
    assert found.probabilities.shape == (3, 1008)
    theirs = isc_features_to_metric(logits, splits=1, shuffle=False)["inception_score_mean"]
    assert inception_score(found.probabilities, 1)[0] == pytest.approx(theirs, rel=1e-5)


def test_other_weights_are_not_the_published_ones(prepared: FeatureExtractor) -> None:
    assert not prepared.standard
    assert prepared.description()["resolution"] == 299
    assert not prepared.knows_labels


def test_the_published_weights_are_known_by_their_hash(
    network: tuple[Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    actual = hashlib.sha256(network[1].read_bytes()).hexdigest()
    monkeypatch.setattr("priorkit_plugins.inception.extractor._PUBLISHED", actual[:8])
    extractor = make(tmp_path, network[1])
    assert not extractor.standard
    extractor.prepare(DATA)
    assert extractor.standard


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **keywords: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(DataError, match=r"no route to host.*name the file with --extractor.weights"):
        make(tmp_path).prepare(DATA)


def test_a_download_is_kept(network: tuple[Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(url: str, path: str, hash_prefix: str, progress: bool) -> None:
        asked.append((url, hash_prefix))
        Path(path).symlink_to(network[1])

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    for _ in range(2):
        make(tmp_path).prepare(DATA)
    assert asked == [(inception.URL_INCEPTION_V3, "6726825d")]
    assert inception.URL_INCEPTION_V3.endswith("-6726825d.pth"), "torch-fidelity names the hash of its weights"


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--extractor.weights .*there is no such file"):
        make(tmp_path, tmp_path / "none.pth").prepare(DATA)
    text, other, program = (tmp_path / name for name in ("text.pth", "other.pth", "program.pth"))
    text.write_text("no weights")
    torch.save({"a": torch.ones(1)}, other)
    torch.save(Boom(), program)
    for path in (text, other, program):
        with pytest.raises(ConfigurationError, match=r"no weights of torch-fidelity's Inception network") as caught:
            make(tmp_path, path).prepare(DATA)
        assert "\n" not in str(caught.value)


class Boom:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a file's program was run",)


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[evaluation\]'"):
        make(tmp_path).prepare(DATA)
