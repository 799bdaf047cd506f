import pytest
import torch
from torch import Tensor
from torch.nn import functional

from priorkit.plugins import TextEncoderContext
from priorkit.registry import installed_plugins
from priorkit_plugins.char_cnn_rnn.alphabet import ALPHABET, OTHER, character_ids
from priorkit_plugins.char_cnn_rnn.encoder import CharCNNRNN


@pytest.fixture
def encoder() -> CharCNNRNN:
    torch.manual_seed(0)
    return CharCNNRNN(5, channels=(6, 7, 8)).eval()


def reference(encoder: CharCNNRNN, caption: str) -> Tensor:
    """The vector of one caption, step by step."""
    one_hot = torch.zeros(OTHER, 201)
    ids = character_ids(caption)[:201]
    for place, token in enumerate(ids):
        one_hot[token - 1, place] = 1
    first, second, third = (encoder.convolutions[index] for index in (0, 3, 6))
    maps = functional.conv1d(one_hot, first.weight, first.bias).relu()
    maps = maps.unfold(1, 3, 3).amax(2)
    maps = functional.conv1d(maps, second.weight, second.bias).relu()
    maps = maps.unfold(1, 3, 3).amax(2)
    maps = functional.conv1d(maps, third.weight, third.bias).relu()
    # Three at a time, in steps of two; the last ones are two.
    steps = [maps[:, start : start + 3].amax(1) for start in range(0, maps.shape[1] - 1, 2)]
    state, states = torch.zeros(1, 1, maps.shape[0]), []
    for step in steps:
        _, state = encoder.recurrent(step.view(1, 1, -1), state)
        states.append(state.view(-1))
    # A step begins every 18 characters.
    seen = states[: -(-len(ids) // 18)]
    return encoder.output(torch.stack(seen).mean(dim=0))


@pytest.mark.parametrize("count", [1, 17, 18, 19, 60, 150, 201, 230])
def test_agrees_with_a_reference(count: int, encoder: CharCNNRNN) -> None:
    caption = ("this bird is red, with a white belly & a long beak. " * 6)[:count].strip() + "x"
    with torch.no_grad():
        torch.testing.assert_close(encoder(encoder.tokens([caption]))[0], reference(encoder, caption))


def test_the_alphabet_and_what_is_beyond_are_70() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 69
    assert OTHER == 70


def test_captions_are_written_in_the_alphabet(encoder: CharCNNRNN) -> None:
    assert character_ids("Ab  c\n") == character_ids("ab c") == [1, 2, 69, 3]
    assert character_ids("\u00c9t\u00e9 \u2019x\u2019 \u2014") == character_ids("ete 'x' -")
    assert character_ids("a\u9ce5") == [1, OTHER]
    assert encoder.unknown("a \u9ce5 and an \u00e9gret, \u9ce5") == ("\u9ce5",)
    assert encoder.unknown("a plain bird!") == ()


def test_every_character_that_is_kept_counts(encoder: CharCNNRNN) -> None:
    tokens = encoder.tokens(["ab" * 101]).repeat(202, 1)
    # In each row another character is a `t`, and none in the last.
    rows = torch.arange(201)
    tokens[rows, rows] = 20
    with torch.no_grad():
        # All weights are positive, and those of `t` are large: it is the maximum wherever it stands.
        for layer in encoder.convolutions:
            if isinstance(layer, torch.nn.Conv1d):
                layer.weight.abs_()
        encoder.convolutions[0].weight[:, 19] += 5
        vectors = encoder(tokens)
    assert (vectors[:201] != vectors[201]).any(dim=1).all()


def test_a_caption_is_cut_after_201_characters(encoder: CharCNNRNN) -> None:
    assert not encoder.is_cut("x" * 201)
    assert encoder.is_cut("x" * 202)
    vectors = encoder(encoder.tokens(["x" * 201, "x" * 201 + "y" * 9]))
    assert torch.equal(vectors[0], vectors[1])


@pytest.mark.parametrize("channels", [(), (3, 4), (3, 0, 4)])
def test_channels_are_three(channels: tuple[int, ...]) -> None:
    component = installed_plugins().get("text_encoder", "char-cnn-rnn").component
    with pytest.raises(ValueError, match=r"channels is .*: expected three numbers of at least 1, as 384,512,256"):
        component.build(component.options(channels=channels), TextEncoderContext())


def test_it_needs_no_vocabulary() -> None:
    component = installed_plugins().get("text_encoder", "char-cnn-rnn").component
    encoder = component.build(component.options(channels=(2, 2, 2)), TextEncoderContext())
    assert (encoder.dim, encoder.length, encoder.frozen) == (200, 201, False)
