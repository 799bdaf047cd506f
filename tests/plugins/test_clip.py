"""The feature extractor `clip`, with a model of random weights."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from clip_folder import write_clip_folder
from priorkit.errors import ConfigurationError, MissingExtraError
from priorkit.interfaces import FeatureExtractor, ImageData, ImageSet, ImageShape
from priorkit.plugins import ExtractorContext
from priorkit_plugins.clip import CLIPOptions, priorkit_extractors

DATA = ImageData(*(ImageSet(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)) for _ in range(2)))


def make(**options: Any) -> FeatureExtractor:
    (component,) = priorkit_extractors()
    context = ExtractorContext(ImageShape(3, 32), Path("cache"), torch.device("cpu"))
    return component.build(CLIPOptions(**options), context)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    path = tmp_path_factory.mktemp("models") / "clip"
    write_clip_folder(path)
    return path


def test_cosines_are_those_of_the_model(folder: Path) -> None:
    from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

    extractor = make(model=folder)
    extractor.prepare(DATA)
    images = torch.randint(0, 256, (3, 3, 40, 40), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    texts = ["a red bird", "blue", "a text that is longer than twenty letters"]
    model = CLIPModel.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)(
        texts, padding=True, truncation=True, max_length=20, return_tensors="pt"
    )
    arrays = [image.permute(1, 2, 0).numpy() for image in images]
    pixels = AutoImageProcessor.from_pretrained(folder)(images=arrays, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = model(**tokens, pixel_values=pixels).logits_per_image / model.logit_scale.exp()
    features, words = extractor.extract(images).features, extractor.text_features(texts)
    found = torch.nn.functional.cosine_similarity(features[:, None], words[None], dim=2)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert extractor.description()["resolution"] == 16


def test_other_weights_have_another_hash(folder: Path, tmp_path: Path) -> None:
    write_clip_folder(tmp_path / "other", seed=1)
    first, second = make(model=folder), make(model=tmp_path / "other")
    for extractor in (first, second):
        extractor.prepare(DATA)
    assert first.description()["weights"] != second.description()["weights"]


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (["config.json"], "is incomplete, config.json is missing"),
        (["model.safetensors"], r"is incomplete, model.safetensors \(or .*\) is missing"),
        (["tokenizer.json", "vocab.json"], r"is incomplete, tokenizer.json \(or vocab.json\) is missing"),
        (["preprocessor_config.json"], r"is incomplete, preprocessor_config.json \(or .*\) is missing"),
    ],
)
def test_a_folder_that_is_not_whole(folder: Path, tmp_path: Path, lost: list[str], message: str) -> None:
    (tmp_path / "clip").mkdir()
    for file in folder.iterdir():
        if file.name not in lost:
            (tmp_path / "clip" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ConfigurationError, match=message):
        make(model=tmp_path / "clip").prepare(DATA)


def test_broken_files(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "clip"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigurationError, match="the model cannot be read") as caught:
        make(model=copy).prepare(DATA)
    assert "\n" not in str(caught.value)
    (copy / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigurationError, match="a model of type 'bert', not 'clip'"):
        make(model=copy).prepare(DATA)
    (copy / "config.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"config\.json cannot be read"):
        make(model=copy).prepare(DATA)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"name the folder of one with --extractor\.model, or else"):
        make().prepare(DATA)
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        make(model=tmp_path / "none").prepare(DATA)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[clip\]'"):
        make(hub="someone/a-model").prepare(DATA)
