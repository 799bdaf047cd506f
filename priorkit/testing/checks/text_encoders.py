"""What text encoders make of captions."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import TextEncoder
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.subjects.text_encoder import TextEncoderSubject

__all__ = ["TEXT_ENCODERS"]

_ODD = ["", "   ", "...", "\U0001f426 \u2603", "\u9ce5 \u0928\u0940\u0932\u093e", "\x00\t\x7f", "A  Red\nBIRD!"]


def says_what_it_is(subject: TextEncoderSubject) -> None:
    """Its attributes dim, length and frozen are of their types, and one that is frozen has nothing to train."""
    encoder = subject.component()
    for name in ("dim", "length"):
        found = getattr(encoder, name, None)
        require(type(found) is int and found >= 1, f"{name} is {found!r}, not a whole number of at least 1")
    require(isinstance(encoder.frozen, bool), f"frozen is {encoder.frozen!r}, not True or False")
    learning = [name for name, weight in encoder.named_parameters() if weight.requires_grad]
    require(
        not (encoder.frozen and learning),
        f"it says that it is frozen, and {', '.join(learning[:3])} would be trained",
        "what comes trained is a parameter",
        "register it as a buffer, or call `requires_grad_(False)`",
    )
    require(
        encoder.frozen or bool(learning),
        "it does not say that it is frozen, and has nothing to train",
        "the attribute was forgotten",
        "set `frozen = True`",
    )


def tokens_have_one_form(subject: TextEncoderSubject) -> None:
    """`tokens` gives int64 (N, length) on the CPU for any captions: the tokens, at least 1, and then 0."""
    encoder = subject.component()
    captions = [*subject.captions(4, subject.case.seed), *_ODD, subject.long_caption(encoder)]
    for given in (captions, ["a bird"], [""], []):
        tokens = subject.tokens(encoder, given)
        _require_form(tokens, (len(given), encoder.length))
        ended = (tokens == 0).long().cummax(dim=1).values.bool() if len(given) else tokens.bool()
        require(
            not bool((tokens[ended] != 0).any()),
            "a token follows a 0, which stands for no token",
            "a word has the token 0, or padding is put before the tokens",
            "number tokens from 1, and let 0 follow them",
        )


def _require_form(tokens: Tensor, shape: tuple[int, int]) -> None:
    require(
        tokens.dtype == torch.int64 and tuple(tokens.shape) == shape and tokens.device.type == "cpu",
        f"tokens of {shape[0]} captions are {tokens.dtype} of shape {tuple(tokens.shape)} on {tokens.device}, not "
        f"int64 of shape {shape} on the CPU",
    )
    require(not bool((tokens < 0).any()), "a token is negative")


def tokens_follow_from_captions(subject: TextEncoderSubject) -> None:
    """A caption has the same tokens whenever, in whatever list, and from another encoder built alike."""
    encoder, other = subject.component(), subject.component(seed=1)
    captions = [*subject.captions(4, subject.case.seed), subject.long_caption(encoder)]
    with global_state_kept("tokens"):
        tokens = subject.tokens(encoder, captions)
    require(torch.equal(subject.tokens(encoder, captions), tokens), "the same captions have other tokens the next time")
    alone = torch.cat([subject.tokens(encoder, [caption]) for caption in captions])
    require(
        torch.equal(alone, tokens),
        "a caption has other tokens where others stand beside it",
        "captions are padded to the longest of their list, or tokens are numbered as they come",
        "pad to `length`, and number tokens when the encoder is built",
    )
    require(
        torch.equal(subject.tokens(other, captions[::-1]).flip(0), tokens),
        "another one, built alike after another seed and shown captions in another order, gives them other tokens",
    )


def long_captions_are_cut(subject: TextEncoderSubject) -> None:
    """A caption of more tokens than `length` keeps so many, and `is_cut` says so."""
    encoder = subject.component()
    for caption in ("", *subject.captions(3, subject.case.seed), subject.long_caption(encoder)):
        count, cut = len(encoder.token_ids(caption)), encoder.is_cut(caption)
        kept = int((subject.tokens(encoder, [caption]) > 0).sum())
        require(
            kept == min(count, encoder.length),
            f"a caption of {count} tokens keeps {kept}, and length is {encoder.length}",
        )
        require(
            cut is (count > encoder.length),
            f"is_cut of a caption of {count} tokens is {cut!r}, and length is {encoder.length}",
        )


def padding_changes_nothing(subject: TextEncoderSubject) -> None:
    """Further columns of 0 after the tokens leave vectors as they are."""
    # As it is built: no gradient changes the vector of padding that nn.Embedding(padding_idx=0) has.
    encoder = _evaluating(subject)
    captions = ["", *subject.captions(5, subject.case.seed), subject.long_caption(encoder)]
    tokens = subject.tokens(encoder, captions)
    with torch.no_grad():
        vectors = encoder(tokens)
        padded = encoder(nn.functional.pad(tokens, (0, 7)))
    away = float((vectors - padded).abs().max())
    require(
        away <= 1e-4 * max(1.0, float(vectors.abs().max())),
        f"vectors are up to {away:.3g} away with 7 more columns of 0",
    )


def captions_are_told_apart(subject: TextEncoderSubject) -> None:
    """Other captions of words that it knows have other vectors, in each of their dimensions."""
    encoder = subject.component()
    drawn = sorted(set(subject.captions(32, subject.case.seed)), key=len, reverse=True)
    captions = [caption for caption in drawn if not encoder.unknown(caption)]
    if len(captions) < 2:
        raise NotApplicable("it knows no words of the captions that it is tried with")
    tokens = subject.tokens(encoder, captions)
    with torch.no_grad():
        vectors = encoder(tokens)
    different = (tokens != tokens[:1]).any(dim=1)
    require(bool(different.any()), f"{captions[0]!r} and {captions[1]!r} have the same tokens, as all others")
    same = different & (vectors == vectors[:1]).all(dim=1)
    other = captions[int(same.long().argmax())]
    require(not bool(same.any()), f"{captions[0]!r} and {other!r} have other tokens, and the same vector")
    still = [i for i in range(encoder.dim) if bool((vectors[:, i] == vectors[0, i]).all())]
    require(not still, f"dimension {', '.join(map(str, still[:5]))} of {encoder.dim} is the same for all captions")


def unknown_words_are_of_the_caption(subject: TextEncoderSubject) -> None:
    """`unknown` gives a tuple of words that stand in the caption, each once, the same each time."""
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
        require(not strange, f"unknown({caption!r}) has {strange[:1]}, which does not stand there")


def wrong_captions_are_refused(subject: TextEncoderSubject) -> None:
    """One caption in place of a list, or what is no text, is refused with a reason."""
    encoder = subject.component()
    for given, words in (("a bird", "a text in place of a list"), ([1], "a number in place of a caption")):
        try:
            encoder.tokens(given)  # type: ignore[arg-type]
        except (TypeError, ValueError) as error:
            require(bool(str(error).strip()), f"{words} is refused without a word")
        except Exception as error:
            raise Defect(f"{words} ends in {type(error).__name__}: {error}") from error
        else:
            raise Defect(f"{words} is taken: {given!r}")


def _evaluating(subject: TextEncoderSubject) -> TextEncoder:
    return subject.built().eval()


TEXT_ENCODERS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "an attribute was forgotten, or is a tensor",
        "see the attributes of priorkit.interfaces.TextEncoder",
    ),
    Check(
        "tokens_have_one_form",
        tokens_have_one_form,
        "`tokens` is overridden, or `token_ids` gives numbers that are not whole",
        "implement `token_ids`, and leave cutting and padding to priorkit.interfaces.TextEncoder",
    ),
    Check(
        "tokens_follow_from_captions",
        tokens_follow_from_captions,
        "tokens are numbered in the order in which captions come, by a set or by hash()",
        "number the words of `context.vocabulary` by their places",
    ),
    Check(
        "long_captions_are_cut",
        long_captions_are_cut,
        "`token_ids` cuts by itself, or `kept_ids` keeps another number",
        "let `token_ids` give all tokens, and `kept_ids` at most `length` of them",
    ),
    Check(
        "padding_changes_nothing",
        padding_changes_nothing,
        "a mean, a maximum or a recurrent layer takes in what follows the tokens",
        "leave out places where tokens are 0 (`states * (tokens > 0).unsqueeze(-1)`), or cut columns off",
    ),
    Check(
        "captions_are_told_apart",
        captions_are_told_apart,
        "all words have one vector, or a layer is dead",
        "compute all dimensions from the tokens",
    ),
    Check(
        "unknown_words_are_of_the_caption",
        unknown_words_are_of_the_caption,
        "tokens, a list or the words of another caption are given",
        "give tuple(dict.fromkeys(words that have no token))",
    ),
    Check(
        "wrong_captions_are_refused",
        wrong_captions_are_refused,
        "`tokens` is overridden, and goes through a text by its characters",
        "leave `tokens` as it is, or raise a TypeError",
    ),
)
