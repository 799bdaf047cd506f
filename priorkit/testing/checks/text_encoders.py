"""Checks of text encoders: their tokens, and the vectors of captions."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import TextEncoder
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.text_encoder import TextEncoderSubject

__all__ = ["TEXT_ENCODERS"]

_ODD = ["", "   ", "...", "\U0001f426 \u2603", "\u9ce5 \u0928\u0940\u0932\u093e", "\x00\t\x7f", "A  Red\nBIRD!"]


def says_what_it_is(subject: TextEncoderSubject) -> None:
    """Its attributes dim, length and frozen have valid values; it has trainable parameters unless it is frozen."""
    encoder = subject.component()
    for name in ("dim", "length"):
        found = getattr(encoder, name, None)
        require(type(found) is int and found >= 1, f"{name} is {found!r}, not a whole number of at least 1")
    require(isinstance(encoder.frozen, bool), f"frozen is {encoder.frozen!r}, not True or False")
    learning = [name for name, weight in encoder.named_parameters() if weight.requires_grad]
    require(
        not (encoder.frozen and learning),
        f"frozen is True, but {', '.join(learning[:3])} would be trained",
        "pretrained weights are trainable parameters",
        "register them as buffers, or call `requires_grad_(False)`",
    )
    require(
        encoder.frozen or bool(learning),
        "frozen is False, but it has no trainable parameters",
        "the attribute is not set",
        "set `frozen = True`",
    )


def tokens_have_one_form(subject: TextEncoderSubject) -> None:
    """`tokens` gives int64 (N, length) on the CPU for any captions: tokens of at least 1, then zeros."""
    encoder = subject.component()
    captions = [*subject.captions(4, subject.case.seed), *_ODD, subject.long_caption(encoder)]
    for given in (captions, ["a bird"], [""], []):
        tokens = subject.tokens(encoder, given)
        _require_form(tokens, (len(given), encoder.length))
        ended = (tokens == 0).long().cummax(dim=1).values.bool() if len(given) else tokens.bool()
        require(
            not bool((tokens[ended] != 0).any()),
            "a token follows a 0, which means no token",
            "a word has the token 0, or padding comes before the tokens",
            "number tokens from 1, and put padding of 0 behind them",
        )


def _require_form(tokens: Tensor, shape: tuple[int, int]) -> None:
    require(
        tokens.dtype == torch.int64 and tuple(tokens.shape) == shape and tokens.device.type == "cpu",
        f"tokens of {shape[0]} captions are {tokens.dtype} of shape {tuple(tokens.shape)} on {tokens.device}, not "
        f"int64 of shape {shape} on the CPU",
    )
    require(not bool((tokens < 0).any()), "a token is negative")


def tokens_follow_from_captions(subject: TextEncoderSubject) -> None:
    """The tokens of a caption are always the same: in any list, in each call, and from any encoder built alike."""
    encoder, other = subject.component(), subject.component(seed=1)
    captions = [*subject.captions(4, subject.case.seed), subject.long_caption(encoder)]
    with global_state_kept("tokens"):
        tokens = subject.tokens(encoder, captions)
    require(
        torch.equal(subject.tokens(encoder, captions), tokens), "the same captions have other tokens in a second call"
    )
    alone = torch.cat([subject.tokens(encoder, [caption]) for caption in captions])
    require(
        torch.equal(alone, tokens),
        "the tokens of a caption change with the other captions",
        "captions are padded to the longest of the list, or tokens are numbered in order of appearance",
        "pad to `length`, and number tokens when the encoder is built",
    )
    require(
        torch.equal(subject.tokens(other, captions[::-1]).flip(0), tokens),
        "another encoder, built alike after another seed, gives other tokens to captions in another order",
    )


def long_captions_are_cut(subject: TextEncoderSubject) -> None:
    """A caption of more than `length` tokens is cut to `length`, and `is_cut` is True for it."""
    encoder = subject.component()
    for caption in ("", *subject.captions(3, subject.case.seed), subject.long_caption(encoder)):
        count, cut = len(encoder.token_ids(caption)), encoder.is_cut(caption)
        kept = int((subject.tokens(encoder, [caption]) > 0).sum())
        require(
            kept == min(count, encoder.length),
            f"{kept} of {count} tokens of a caption are kept, but length is {encoder.length}",
        )
        require(
            cut is (count > encoder.length),
            f"is_cut of a caption of {count} tokens is {cut!r}, but length is {encoder.length}",
        )


def padding_changes_nothing(subject: TextEncoderSubject) -> None:
    """Additional columns of 0 after the tokens do not change vectors."""
    # With its initial parameters: training never changes the padding vector of nn.Embedding(padding_idx=0).
    encoder = _evaluating(subject)
    captions = ["", *subject.captions(5, subject.case.seed), subject.long_caption(encoder)]
    tokens = subject.tokens(encoder, captions)
    with torch.no_grad():
        vectors = encoder(tokens)
        padded = encoder(nn.functional.pad(tokens, (0, 7)))
    away = float((vectors - padded).abs().max())
    require(
        away <= 1e-4 * max(1.0, float(vectors.abs().max())),
        f"vectors differ by up to {away:.3g} with 7 more columns of 0",
    )


def captions_are_told_apart(subject: TextEncoderSubject) -> None:
    """Different captions of known words have different vectors, and every dimension varies."""
    encoder = subject.component()
    drawn = sorted(set(subject.captions(32, subject.case.seed)), key=len, reverse=True)
    captions = [caption for caption in drawn if not encoder.unknown(caption)]
    if len(captions) < 2:
        raise NotApplicable("it knows no words of the kit's captions")
    tokens = subject.tokens(encoder, captions)
    with torch.no_grad():
        vectors = encoder(tokens)
    different = (tokens != tokens[:1]).any(dim=1)
    require(bool(different.any()), f"{captions[0]!r}, {captions[1]!r} and all others have the same tokens")
    same = different & (vectors == vectors[:1]).all(dim=1)
    other = captions[int(same.long().argmax())]
    require(not bool(same.any()), f"{captions[0]!r} and {other!r} have different tokens, but the same vector")
    still = [i for i in range(encoder.dim) if bool((vectors[:, i] == vectors[0, i]).all())]
    require(not still, f"dimension {', '.join(map(str, still[:5]))} of {encoder.dim} is the same for all captions")


def unknown_words_are_of_the_caption(subject: TextEncoderSubject) -> None:
    """`unknown` returns a tuple of words of the caption, each once, and the same in each call."""
    encoder = subject.component()
    for caption in (*subject.captions(6, subject.case.seed), *_ODD):
        found = encoder.unknown(caption)
        require(
            isinstance(found, tuple) and all(isinstance(word, str) for word in found),
            f"unknown({caption!r}) is {found!r}, not a tuple of words",
        )
        require(found == encoder.unknown(caption), f"unknown({caption!r}) differs from call to call")
        require(len(set(found)) == len(found), f"unknown({caption!r}) names a word twice: {found!r}")
        strange = [word for word in found if word.lower() not in caption.lower() or not word.strip()]
        require(not strange, f"unknown({caption!r}) contains {strange[:1]}, which is not in the caption")


def wrong_captions_are_refused(subject: TextEncoderSubject) -> None:
    """A text instead of a list, or an item that is not a text, is refused with a reason."""
    encoder = subject.component()
    for given, words in (("a bird", "a text instead of a list"), ([1], "a number instead of a caption")):
        try:
            encoder.tokens(given)  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            require(bool(str(error).strip()), f"{words} is refused without a message")
        except Exception as error:
            raise Defect(f"{words} ends in {type(error).__name__}: {error}") from error
        else:
            raise Defect(f"{words} is accepted: {given!r}")


def _evaluating(subject: TextEncoderSubject) -> TextEncoder:
    return subject.built().eval()


TEXT_ENCODERS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "an attribute is missing, or is a tensor",
        "see the attributes of priorkit.interfaces.TextEncoder",
    ),
    Check(
        "tokens_have_one_form",
        tokens_have_one_form,
        "`tokens` is overridden, or `token_ids` does not return integers",
        "implement `token_ids`, and leave cutting and padding to priorkit.interfaces.TextEncoder",
    ),
    Check(
        "tokens_follow_from_captions",
        tokens_follow_from_captions,
        "tokens are numbered in order of appearance, by a set, or by hash()",
        "number words by their positions in `context.vocabulary`",
    ),
    Check(
        "long_captions_are_cut",
        long_captions_are_cut,
        "`token_ids` cuts captions itself, or `kept_ids` keeps another number",
        "return all tokens from `token_ids`, and at most `length` of them from `kept_ids`",
    ),
    Check(
        "padding_changes_nothing",
        padding_changes_nothing,
        "a mean, a maximum or a recurrent layer includes the padding",
        "mask positions where tokens are 0 (`states * (tokens > 0).unsqueeze(-1)`), or cut the columns off",
    ),
    Check(
        "captions_are_told_apart",
        captions_are_told_apart,
        "all words have the same vector, or a layer is dead",
        "compute all dimensions from the tokens",
    ),
    Check(
        "unknown_words_are_of_the_caption",
        unknown_words_are_of_the_caption,
        "it returns tokens, a list, or words of another caption",
        "return tuple(dict.fromkeys(words that have no token))",
    ),
    Check(
        "wrong_captions_are_refused",
        wrong_captions_are_refused,
        "`tokens` is overridden, and iterates over the characters of a text",
        "do not override `tokens`, or raise a TypeError",
    ),
)
