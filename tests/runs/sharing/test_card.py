import dataclasses

import pytest
import torch

import priorkit
from priorkit.config import RunConfig
from priorkit.runs import describe_run
from priorkit.runs.sharing.card import model_card


@pytest.fixture
def described(trained_path, registry):
    return describe_run(trained_path, registry=registry)


def test_what_others_named_is_no_markdown(described):
    run = dataclasses.replace(described, classes=("<b>", "a|b", "![x](y)", "two\nlines"), scores={"a | b": 1.0})
    text = model_card(run, "user/name", [])
    assert r"- classes of the data: \<b\>, a\|b, \!\[x\]\(y\), two lines" in text
    assert r"| a \| b | 1 |" in text


def test_what_is_not_known_is_left_out(described):
    text = model_card(dataclasses.replace(described, scores={}, plugins={}, recipe=""), "user/name", [])
    for word in ("license", "## Scores", "third-party plug-ins", "recipe", "!["):
        assert word not in text
    assert "pipeline_tag: unconditional-image-generation" in text


def test_the_system_is_told_in_words(described):
    run = dataclasses.replace(
        described, encoder="none", recipe="dcgan", reads_text=True, condition="text", fitted=True, image_shape=(3, 8, 8)
    )
    text = model_card(run, "user/name", ["samples/samples-00000006.png"], "apache-2.0")
    assert "A generator of colour images of 8x8 pixels from codes (4) of the prior `learned`" in text
    assert "by the recipe `dcgan`" in text
    assert "conditioned on `text`" in text
    assert "The prior was fitted to the codes of a trained autoencoder." in text
    assert "pipeline_tag: text-to-image" in text
    assert 'license: "apache-2.0"' in text
    assert "![Samples of the prior](samples/samples-00000006.png)" in text


def test_names_that_others_wrote_are_neither_markdown_nor_commands(described):
    strange = "x`</a>[y](z)"
    run = dataclasses.replace(
        described,
        **dict.fromkeys(("recipe", "prior", "encoder", "loss", "networks", "condition", "dataset", "torch"), strange),
        phases=(strange,),
        parameters={strange: 1},
        given={strange: strange},
        registered=(strange,),
        plugins={strange: "1"},
    )
    body = model_card(run, "user/name", []).split("---\n", 2)[2]
    assert strange not in body
    assert body.count(r"x\`\</a\>\[y\]\(z\)") == 14


@pytest.mark.parametrize(
    "plugins", [{"good": "1.0", "x'; rm -rf ~": "1"}, {"good": "1; rm"}, {"--pre": "1"}, {"a": ""}]
)
def test_no_command_is_made_of_what_is_no_distribution(described, plugins):
    text = model_card(dataclasses.replace(described, plugins=plugins), "user/name", [])
    assert text.count("pip install") == 1
    assert "It needs third-party plug-ins" in text


def test_python_objects_are_no_distributions(registry, run_config, tmp_path):
    images = torch.rand(20, 1, 16, 16) * 2 - 1
    config = run_config()
    run = priorkit.train(
        config.model_copy(update={"dataset": RunConfig.model_fields["dataset"].default}),
        tmp_path / "run",
        data=images,
        registry=registry,
    )
    described = describe_run(run.path, registry=registry)
    assert list(described.given) == ["data"]
    assert "given" not in described.plugins
    assert "given" not in described.missing
    text = model_card(described, "user/name", [])
    assert "given==" not in text
    assert "It needs the Python objects that it was trained with: data (" in text
