import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.errors import ConfigurationError, MissingExtraError
from priorkit.interfaces import TextEncoder
from priorkit.plugins import TextEncoderContext
from priorkit.registry import installed_plugins
from stand_in_text_models import sentence_transformers, write_model_folder


def make(path: Path | None, **options: Any) -> TextEncoder:
    component = installed_plugins().get("text_encoder", "sentence-transformer").component
    encoder: TextEncoder = component.build(component.options(path=path, **options), TextEncoderContext())
    return encoder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model, and a package that reads it."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", sentence_transformers())
    write_model_folder(tmp_path / "model")
    return tmp_path / "model"


def test_vectors_are_those_of_the_model(folder: Path) -> None:
    encoder = make(folder)
    model = sentence_transformers().SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, trust_remote_code=False
    )
    model.eval()
    captions = ["a red bird", "a", "the small yellow flower with blue petals"]
    vectors = encoder(encoder.tokens(captions))
    for caption, vector in zip(captions, vectors, strict=True):
        ids = torch.tensor([model.tokenizer(caption, add_special_tokens=True, truncation=False)["input_ids"]])
        expected = model({"input_ids": ids, "attention_mask": torch.ones_like(ids)})["sentence_embedding"][0]
        torch.testing.assert_close(vector, expected)
    assert (encoder.dim, encoder.frozen, encoder.unknown("zygomorphic")) == (6, True, ())
    torch.testing.assert_close(make(folder, dim=4)(encoder.tokens(captions)), vectors[:, :4])


def test_the_model_stays_as_it_is(folder: Path) -> None:
    encoder = make(folder).train()
    tokens = encoder.tokens(["a red bird"])
    assert torch.equal(encoder(tokens), encoder(tokens))
    assert not encoder(tokens).requires_grad
    assert encoder.training


def test_what_is_cut_keeps_its_end(folder: Path) -> None:
    encoder = make(folder, length=5)
    (tokens,) = encoder.tokens(["a red bird with wings"]).tolist()
    assert tokens == [1, 7, 10, 8, 3]
    assert encoder.is_cut("a red bird with")
    assert not encoder.is_cut("a red bird")
    # The model itself takes 12.
    assert make(folder, length=64).length == 12


def test_a_run_keeps_a_fingerprint_and_no_model(folder: Path) -> None:
    trained = torch.nn.ModuleDict({"text": make(folder)})
    state = trained.state_dict()
    assert list(state) == ["text.fingerprint"]
    torch.nn.ModuleDict({"text": make(folder)}).load_state_dict(state)
    write_model_folder(folder.parent / "other", seed=1)
    with pytest.raises(ConfigurationError, match=rf"weights, of {folder.parent / 'other'}, differ from those"):
        torch.nn.ModuleDict({"text": make(folder.parent / "other")}).load_state_dict(state)


def test_without_a_folder_it_says_how_to_name_one() -> None:
    with pytest.raises(
        ConfigurationError, match=r"priorkit downloads none; name the folder of one with --text-encoder\.path"
    ):
        make(None)


def test_without_the_extra_it_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[sentence-transformers\]'"):
        make(folder)


def test_a_folder_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--text-encoder\.path: there is no folder '.*nowhere'"):
        make(folder.parent / "nowhere")


@pytest.mark.parametrize(
    "name", ["modules.json", "config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"]
)
def test_what_a_folder_lacks_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match=rf"the model is incomplete, '{folder / name}'.* is missing"):
        make(folder)


def test_code_of_the_folder_is_not_run(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "custom_model.Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "custom_model.py").write_text("raise AssertionError('it was run')\n")
    with pytest.raises(
        ConfigurationError, match=r"needs 'custom_model\.Transformer', which is code of the model's own"
    ):
        make(folder)


@pytest.mark.parametrize(
    "text", ["{", "7", '["Transformer"]', "{}", "[]", '[{"type": "sentence_transformers.models.Pooling"}]']
)
def test_a_broken_list_of_modules_is_told(text: str, folder: Path) -> None:
    (folder / "modules.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"modules\.json' (cannot be read|does not list modules)"):
        make(folder)


def test_weights_that_cannot_be_read_are_told(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigurationError, match=rf"--text-encoder\.path: '{folder}' cannot be read \(.+\)"):
        make(folder)


def test_more_dimensions_than_the_model_has_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--text-encoder\.dim 7: the vectors of '.*' have 6 dimensions"):
        make(folder, dim=7)


def test_a_path_is_found_from_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    component = installed_plugins().get("text_encoder", "sentence-transformer").component
    assert component.options(path="model").path == folder


@pytest.mark.slow
@pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="needs the extra `sentence-transformers`")
def test_a_model_of_the_package_itself(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer, models
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "bird", "blue", "with", "wings"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    settings = BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    torch.manual_seed(0)
    BertModel(settings).save_pretrained(tmp_path / "bert")
    BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "bert")
    first = models.Transformer(str(tmp_path / "bert"), max_seq_length=16)
    SentenceTransformer(modules=[first, models.Pooling(8), models.Normalize()], device="cpu").save(
        str(tmp_path / "model")
    )

    encoder = make(tmp_path / "model")
    captions = ["A red bird with blue wings", "a bird", "a red red " * 20, ""]
    expected = SentenceTransformer(str(tmp_path / "model"), device="cpu").encode(captions, convert_to_tensor=True)
    torch.testing.assert_close(encoder(encoder.tokens(captions)), expected, rtol=1e-4, atol=1e-5)
    assert [encoder.is_cut(caption) for caption in captions] == [False, False, True, False]
    assert encoder.length == 16
    assert list(encoder.state_dict()) == ["fingerprint"]
