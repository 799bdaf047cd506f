import dataclasses

import pytest

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
    for word in ("license", "## Scores", "plug-ins of others", "recipe", "!["):
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
    assert "The prior was fitted to the codes of an autoencoder that stood still." in text
    assert "pipeline_tag: text-to-image" in text
    assert 'license: "apache-2.0"' in text
    assert "![Samples of the prior](samples/samples-00000006.png)" in text
