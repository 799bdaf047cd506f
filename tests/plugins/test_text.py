"""The condition `text`, and the phase in which its text encoder learns."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from priorkit.interfaces import Captions, ImageSet, ImageShape, TextEncoder
from priorkit.plugins import ConditionContext, TextEncoderContext, vocabulary_of
from priorkit_plugins.gru_text_encoder import GRUTextEncoderOptions
from priorkit_plugins.gru_text_encoder import priorkit_text_encoders as gru_hook
from priorkit_plugins.text import TextOptions, priorkit_conditions
from priorkit_plugins.text.condition import TextCondition
from priorkit_plugins.text.phase import TextEmbeddingPhase

COLOURS = ("red", "green", "blue")
CAPTIONS = Captions(
    [(f"a {COLOURS[index % 3]} square", f"this is {COLOURS[index % 3]}")[: 1 + index % 2] for index in range(12)]
)
WORDS = vocabulary_of(text for of_image in CAPTIONS for text in of_image)


def coloured(captions: Captions | None = CAPTIONS) -> ImageSet:
    images = torch.zeros(12, 3, 16, 16, dtype=torch.uint8)
    for index in range(12):
        images[index, index % 3] = 255
    return ImageSet(images, captions=captions)


def encoder(dim: int = 6) -> TextEncoder:
    torch.manual_seed(0)
    [component] = gru_hook()
    return component.build(GRUTextEncoderOptions(dim=dim, word_dim=5, length=8), TextEncoderContext(WORDS))


def condition(**options: object) -> TextCondition:
    [component] = priorkit_conditions()
    made = component.build(TextOptions(**options), ConditionContext(train=coloured(), text_encoder=encoder))
    assert isinstance(made, TextCondition)
    return made


def test_s_is_the_vector_of_a_caption_of_length_root_dim() -> None:
    made = condition()
    texts = ["a red square", "this is blue"]
    direct = made.encoder(made.encoder.tokens(texts)).detach()
    expected = direct / direct.norm(dim=1, keepdim=True) * math.sqrt(6)
    torch.testing.assert_close(made.of_texts(texts), expected)
    assert not made.of_texts(texts).requires_grad


def test_captions_of_which_nothing_is_known_are_refused() -> None:
    [component] = priorkit_conditions()
    unknown = coloured(Captions([("zzyzx",)] * 12))
    with pytest.raises(ValueError, match="the text encoder knows no word of the captions, such as 'zzyzx'"):
        component.build(TextOptions(), ConditionContext(train=unknown, text_encoder=encoder))


def test_mixtures_are_as_long_as_vectors_of_captions() -> None:
    made = condition(interpolated=0.5)
    assert made.interpolated == 0.5
    red, blue = made.of_texts(["a red square", "this is blue"])
    mixture = made.mixture(red[None], blue[None])[0]
    assert mixture.norm().item() == pytest.approx(math.sqrt(6), rel=1e-5)
    torch.testing.assert_close(mixture.dot(red), mixture.dot(blue))
    with pytest.raises(ValueError, match=r"interpolated is 0\.5, but seen_by_image_critic is off"):
        condition(interpolated=0.5, seen_by_image_critic=False)


def test_entries_are_the_tokens_of_all_captions() -> None:
    made = condition()
    entries = made.entries(coloured())
    assert entries.shape == (12, 2, 8)
    for row, captions in zip(entries, CAPTIONS, strict=True):
        assert torch.equal(row[: len(captions)].long(), made.encoder.tokens(captions))
        assert not row[len(captions) :].any()


@given(seed=st.integers(0, 2**32 - 1))
def test_each_step_uses_one_caption_of_the_image(seed: int) -> None:
    made = condition()
    entries = made.entries(coloured())
    chances = torch.rand(12, generator=torch.Generator().manual_seed(seed))
    for index, tokens in enumerate(made.one_of(entries, chances)):
        own = made.encoder.tokens(CAPTIONS[index]).int()
        assert torch.equal(tokens, own[int(chances[index] * len(own))])


def test_a_caption_without_known_tokens_is_never_used() -> None:
    entries = torch.tensor([[[0, 0], [0, 0], [3, 1]]], dtype=torch.int32)
    for chance in (0.0, 0.5, 0.999):
        assert condition().one_of(entries, torch.tensor([chance])).tolist() == [[3, 1]]
    nothing = torch.zeros(1, 2, 2, dtype=torch.int32)
    assert condition().one_of(nothing, torch.tensor([0.9])).tolist() == [[0, 0]]


def test_captions_are_drawn_from_the_data() -> None:
    made = condition(remembered=30)
    known = {tuple(row) for row in made.encoder.tokens(CAPTIONS.distinct()).tolist()}
    drawn = {tuple(row) for row in made.draw_entries(200, generator=torch.Generator().manual_seed(0)).tolist()}
    assert drawn <= known
    # Not the first caption of an image alone.
    assert len(drawn) == len(known)
    torch.testing.assert_close(made.draw(200).norm(dim=1), torch.full((200,), math.sqrt(6)))


def test_many_captions_are_encoded_in_parts() -> None:
    made, sizes = condition(), []
    made.encoder.register_forward_pre_hook(lambda module, given: sizes.append(len(given[0])))
    entries = made.draw_entries(600, generator=torch.Generator().manual_seed(0))
    vectors = made.vectors(entries)
    assert sum(sizes) == 600
    assert max(sizes) <= 256
    torch.testing.assert_close(vectors, torch.cat([made.vectors(part) for part in entries.split(7)]))
    assert made.vectors(entries[:0]).shape == (0, 6)


@pytest.mark.parametrize("remembered", [1, 30])
def test_captions_that_are_kept_say_something_to_the_encoder(remembered: int) -> None:
    # The first image's caption, and one caption of each second image.
    others = [("zzyzx", *of_image)[index % 2 :] for index, of_image in enumerate(CAPTIONS)][1:]
    unknown = Captions([("zzyzx",), *others])
    [component] = priorkit_conditions()
    made = component.build(
        TextOptions(remembered=remembered), ConditionContext(train=coloured(unknown), text_encoder=encoder)
    )
    kept = made.draw_entries(200, generator=torch.Generator().manual_seed(0))
    assert kept.any(1).all()
    assert len(kept.unique(dim=0)) == min(remembered, len(CAPTIONS.distinct()))


def test_the_encoder_comes_back_in_the_mode_in_which_it_was() -> None:
    made = condition()
    for training in (True, False):
        made.encoder.train(training)
        made.of_texts(["a red square"])
        assert made.encoder.training is training


def test_the_state_holds_encoder_and_captions() -> None:
    made, other = condition(), condition()
    with torch.no_grad():
        for weight in made.encoder.parameters():
            weight.add_(torch.rand_like(weight))
    [component] = priorkit_conditions()
    loaded = component.build(TextOptions(), ConditionContext(text_encoder=encoder, vocabulary=WORDS))
    loaded.load_state_dict(made.state_dict())
    assert torch.equal(loaded.of_texts(["this is red"]), made.of_texts(["this is red"]))
    assert not torch.equal(other.of_texts(["this is red"]), made.of_texts(["this is red"]))
    generators = [torch.Generator().manual_seed(5) for _ in range(2)]
    assert torch.equal(loaded.draw(9, generator=generators[0]), made.draw(9, generator=generators[1]))


def test_what_is_not_read_is_said_or_refused() -> None:
    made = condition()
    assert made.unread("a Red zebra") == (("zebra",), False)
    assert made.unread("red " * 9) == ((), True)
    with pytest.raises(ValueError, match="a text is empty: say what the image should show"):
        made.of_texts(["a red square", " "])
    with pytest.raises(ValueError, match=r"'\?!' has no word that the run's text encoder knows"):
        made.of_texts(["?!"])


def test_data_without_captions_is_refused() -> None:
    [component] = priorkit_conditions()
    with pytest.raises(ValueError, match="the data has no captions; give them beside the images"):
        component.build(TextOptions(), ConditionContext(train=coloured(None), text_encoder=encoder))
    with pytest.raises(ValueError, match="the data has no captions"):
        condition().entries(coloured(None))


@pytest.mark.parametrize("loss", ["contrastive", "structured"])
def test_the_phase_learns_which_captions_belong_to_which_images(loss: str) -> None:
    torch.manual_seed(0)
    made = condition()
    phase = TextEmbeddingPhase(made.encoder, ImageShape(3, 16), loss=loss)
    assert set(phase.networks) == {name for names in phase.players.values() for name in names}
    images = coloured().images.float() / 127.5 - 1
    entries = made.entries(coloured())
    optimizer = torch.optim.Adam([w for each in phase.networks.values() for w in each.parameters()], 1e-2)
    for step in range(60):
        chances = torch.rand(12, generator=torch.Generator().manual_seed(step))
        [move] = phase.moves(images, {"entries": made.one_of(entries, chances)})
        optimizer.zero_grad()
        move.terms["image_text"].backward()
        optimizer.step()
    texts = made.of_texts([f"this is {colour}" for colour in COLOURS])
    scores = torch.nn.functional.normalize(phase.tower(images), dim=1) @ texts.T
    # Images of one colour find the caption that says it, also in words that they were not trained with.
    assert scores.argmax(1).tolist() == [index % 3 for index in range(12)]


def test_a_frozen_encoder_brings_no_phase() -> None:
    made = condition()
    system = type("System", (), {"shape": ImageShape(3, 16)})()
    assert [phase.name for phase in made.phases(system)] == ["text_embedding"]
    assert made.shows_entries
    frozen = encoder().requires_grad_(False)
    frozen.frozen = True
    still = TextCondition(frozen, coloured())
    assert list(still.phases(system)) == []
    assert not still.shows_entries
