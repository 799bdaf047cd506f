"""Checks of conditions that read texts."""

import torch

from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.stand_in_text_encoder import some_captions
from priorkit.testing.subjects.condition import ConditionSubject

__all__ = ["CONDITION_TEXTS"]

_FEW = 6


def texts_become_conditions(subject: ConditionSubject) -> None:
    """With `reads_text`, `of_texts` gives each text its own s: the same as for an image with that caption."""
    condition = subject.component()
    captions = subject.train.captions or some_captions(_FEW)
    single = [index for index, of_image in enumerate(captions) if len(of_image) == 1][:_FEW]
    texts = [captions[index][0] for index in single]
    if not condition.reads_text:
        try:
            condition.of_texts(texts)
        except TypeError:
            return
        raise Defect(
            "reads_text is False, but of_texts accepts texts",
            "reads_text is not set",
            "set `reads_text = True`",
        )
    with global_state_kept("of_texts"):
        vectors, again = condition.of_texts(texts), condition.of_texts(texts)
    expected = (len(texts), condition.dim)
    require(
        isinstance(vectors, torch.Tensor) and tuple(vectors.shape) == expected and vectors.dtype == torch.float32,
        f"of_texts returns for {len(texts)} texts {getattr(vectors, 'dtype', type(vectors).__name__)} of shape "
        f"{tuple(getattr(vectors, 'shape', ()))}, not float32 of shape {expected}",
    )
    require(torch.equal(vectors, again), "the same texts give different vectors the second time")
    require(not vectors.requires_grad, "vectors of texts require gradients", fix="compute them under torch.no_grad()")
    refused = [text for text in texts if condition.reads(text) is not True]
    require(
        not refused,
        f"reads is not True for {refused[:1]}, but of_texts returns a vector for it",
        "reads and of_texts apply different rules",
        "return True for texts that of_texts accepts",
    )
    alone = torch.cat([condition.of_texts([text]) for text in texts])
    require(
        torch.allclose(vectors, alone, atol=1e-5),
        "the vector of a text changes with the other texts",
        "texts are padded to the longest, and the padding is read",
    )
    if subject.train.captions is not None and condition.from_data:
        entries = condition.entries(subject.train)[torch.tensor(single)]
        of_images = condition.vectors(condition.one_of(entries, torch.zeros(len(single))))
        require(
            torch.allclose(vectors, of_images, atol=1e-5),
            "a text has another vector than an image's caption with the same words",
            "of_texts omits a step of vectors, such as a scale",
            "compute both in the same way",
        )


def empty_texts_are_refused(subject: ConditionSubject) -> None:
    """Empty texts are refused with a ValueError, `reads` is False for them, and `unread` names unknown words."""
    condition = subject.component()
    if not condition.reads_text:
        raise NotApplicable("it reads no texts")
    for empty in ("", " "):
        require(
            condition.reads(empty) is False,
            f"reads is not False for the empty text {empty!r}",
            "reads does not look at its text",
            "return False for texts that of_texts refuses",
        )
        try:
            condition.of_texts([empty])
        except ValueError as error:
            require(bool(str(error).strip()), "an empty text is refused without a message")
            continue
        except Exception as error:
            raise Defect(f"the text {empty!r} ends in {type(error).__name__}: {error}") from error
        raise Defect(
            f"of_texts returns a vector for the empty text {empty!r}",
            "of_texts does not look at its texts",
            "raise a ValueError for texts without a readable word",
        )
    told = condition.unread("a red square, zzyzx")
    words = told[0] if isinstance(told, tuple) and len(told) == 2 else None
    require(
        isinstance(words, tuple) and all(isinstance(word, str) for word in words) and isinstance(told[1], bool),
        f"unread returns {told!r}, not a tuple of words and a bool: whether the end is cut off",
        "the words are a list or a single text",
        "return (tuple(words), cut)",
    )


CONDITION_TEXTS = (
    Check(
        "texts_become_conditions",
        texts_become_conditions,
        "`of_texts` returns another dtype or shape than `vectors`",
        "return float32 vectors (n, dim), or leave `reads_text` False",
    ),
    Check(
        "empty_texts_are_refused",
        empty_texts_are_refused,
        "`unread` returns the wrong type",
        "see priorkit.interfaces.Condition.unread",
        required=False,
    ),
)
