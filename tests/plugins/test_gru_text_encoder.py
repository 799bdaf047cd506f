import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from priorkit.errors import ConfigurationError
from priorkit.plugins import TextEncoderContext
from priorkit.registry import installed_plugins
from priorkit_plugins.gru_text_encoder.encoder import GRUTextEncoder

WORDS = ("a", "bird", "red", "blue", "with", "wings")
sentences = st.lists(st.sampled_from([*WORDS, "fish"]), min_size=1, max_size=9).map(" ".join)


def packed_reference(encoder: GRUTextEncoder, tokens: Tensor, pooling: str) -> Tensor:
    """The same by torch's own bidirectional layer of sequences that are packed."""
    hidden, width = encoder.forwards.hidden_size, encoder.forwards.input_size
    layer = nn.GRU(width, hidden, batch_first=True, bidirectional=encoder.backwards is not None)
    state = dict(encoder.forwards.state_dict())
    if encoder.backwards is not None:
        state |= {f"{name}_reverse": tensor for name, tensor in encoder.backwards.state_dict().items()}
    layer.load_state_dict(state)
    lengths = (tokens > 0).sum(dim=1)
    packed = pack_padded_sequence(encoder.words(tokens), lengths, batch_first=True, enforce_sorted=False)
    states, last = layer(packed)
    if pooling == "mean":
        summed = pad_packed_sequence(states, batch_first=True)[0].sum(dim=1)
        return encoder.output(summed / lengths.unsqueeze(1))
    return encoder.output(last.transpose(0, 1).flatten(1))


@settings(deadline=None, max_examples=20)
@given(
    st.lists(sentences, min_size=1, max_size=5), st.booleans(), st.sampled_from(["mean", "last"]), st.integers(0, 99)
)
def test_agrees_with_packed_sequences(captions: list[str], bidirectional: bool, pooling: str, seed: int) -> None:
    torch.manual_seed(seed)
    encoder = GRUTextEncoder(
        WORDS, 3, word_dim=5, hidden=4, bidirectional=bidirectional, pooling=pooling, length=9
    ).eval()
    nn.init.normal_(encoder.words.weight)
    tokens = encoder.tokens(captions)
    with torch.no_grad():
        torch.testing.assert_close(encoder(tokens), packed_reference(encoder, tokens, pooling))


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_what_lies_behind_the_words_is_not_seen(pooling: str) -> None:
    encoder = GRUTextEncoder(WORDS, 3, word_dim=4, pooling=pooling, length=6)
    tokens = encoder.tokens(["a red bird", ""])
    expected = encoder(tokens)
    with torch.no_grad():
        encoder.words.weight[0] = 7
    torch.testing.assert_close(encoder(tokens), expected)
    torch.testing.assert_close(encoder(nn.functional.pad(tokens, (0, 3))), expected)


def test_words_are_numbered_by_their_places() -> None:
    encoder = GRUTextEncoder(WORDS, 3, length=5)
    assert encoder.tokens(["A bird, BLUE!", "two fish with wings of a fish"]).tolist() == [
        [2, 3, 5, 0, 0],
        [1, 1, 6, 7, 1],
    ]
    assert encoder.is_cut("two fish with wings of a fish")
    assert encoder.unknown("two FISH with wings of a fish") == ("two", "fish", "of")


def test_a_word_that_is_not_known_begins_as_nothing_and_learns() -> None:
    encoder = GRUTextEncoder(WORDS, 3, word_dim=4)
    assert not encoder.words.weight[1].any()
    encoder(encoder.tokens(["a fish"])).sum().backward()
    assert encoder.words.weight.grad is not None
    assert encoder.words.weight.grad[1].any()
    assert not encoder.words.weight.grad[0].any()


def test_the_order_of_words_counts() -> None:
    encoder = GRUTextEncoder(WORDS, 3)
    vectors = encoder(encoder.tokens(["a red bird with blue wings", "a blue bird with red wings"]))
    assert not torch.allclose(vectors[0], vectors[1], atol=1e-4)


def test_dropout_is_for_training_alone() -> None:
    encoder = GRUTextEncoder(WORDS, 3, dropout=0.5)
    tokens = encoder.tokens(["a red bird"])
    assert not torch.equal(encoder(tokens), encoder(tokens))
    encoder.eval()
    assert torch.equal(encoder(tokens), encoder(tokens))


def test_the_vocabulary_may_be_limited() -> None:
    gru = installed_plugins().get("text_encoder", "gru").component
    encoder = gru.build(gru.options(words=2), TextEncoderContext(WORDS))
    assert encoder.unknown("a red bird") == ("red",)
    assert encoder.dim == 200


def test_without_words_it_says_what_would_do() -> None:
    with pytest.raises(
        ConfigurationError, match=r"--text-encoder gru: .* there are none; use a data set with captions"
    ):
        GRUTextEncoder(())
