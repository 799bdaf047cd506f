"""What is special to conditions that read texts."""

import torch

from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.stand_in_text_encoder import some_captions
from priorkit.testing.subjects.condition import ConditionSubject

__all__ = ["CONDITION_TEXTS"]

_FEW = 6


def texts_become_conditions(subject: ConditionSubject) -> None:
    """With `reads_text`, `of_texts` makes of each text its own s, as of the same caption of an image."""
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
            "reads_text is False, and of_texts makes something of texts",
            "reads_text was forgotten",
            "set `reads_text = True`",
        )
    with global_state_kept("of_texts"):
        vectors, again = condition.of_texts(texts), condition.of_texts(texts)
    expected = (len(texts), condition.dim)
    require(
        isinstance(vectors, torch.Tensor) and tuple(vectors.shape) == expected and vectors.dtype == torch.float32,
        f"of {len(texts)} texts it makes {getattr(vectors, 'dtype', type(vectors).__name__)} of shape "
        f"{tuple(getattr(vectors, 'shape', ()))}, not float32 of shape {expected}",
    )
    require(torch.equal(vectors, again), "the same texts give other vectors the second time")
    require(not vectors.requires_grad, "its vectors carry gradients", fix="compute them under torch.no_grad()")
    refused = [text for text in texts if condition.reads(text) is not True]
    require(
        not refused,
        f"reads is not True of {refused[:1]}, of which of_texts makes a vector",
        "reads looks for something else than of_texts does",
        "return True for a text that of_texts takes",
    )
    alone = torch.cat([condition.of_texts([text]) for text in texts])
    require(
        torch.allclose(vectors, alone, atol=1e-5),
        "the vector of a text is another beside other texts",
        "texts are padded to the longest of them, and the padding is read",
    )
    if subject.train.captions is not None and condition.from_data:
        entries = condition.entries(subject.train)[torch.tensor(single)]
        of_images = condition.vectors(condition.one_of(entries, torch.zeros(len(single))))
        require(
            torch.allclose(vectors, of_images, atol=1e-5),
            "a text has another vector than the same caption of an image has",
            "of_texts leaves out what vectors does, such as a scale",
            "make the vectors of both in one way",
        )


def empty_texts_are_refused(subject: ConditionSubject) -> None:
    """An empty text is refused by a ValueError, as `reads` says before; `unread` says what of a text is left out."""
    condition = subject.component()
    if not condition.reads_text:
        raise NotApplicable("it reads no texts")
    for empty in ("", " "):
        require(
            condition.reads(empty) is False,
            f"reads says of the empty text {empty!r} that of_texts takes it",
            "reads does not look for what can be read in a text",
            "return False for a text that of_texts refuses",
        )
        try:
            condition.of_texts([empty])
        except ValueError as error:
            require(bool(str(error).strip()), "an empty text is refused without a word")
            continue
        except Exception as error:
            raise Defect(f"the text {empty!r} ends in {type(error).__name__}: {error}") from error
        raise Defect(
            f"the text {empty!r} has a vector, as if it asked for something",
            "of_texts does not look at its texts",
            "raise a ValueError for a text in which nothing can be read",
        )
    told = condition.unread("a red square, zzyzx")
    words = told[0] if isinstance(told, tuple) and len(told) == 2 else None
    require(
        isinstance(words, tuple) and all(isinstance(word, str) for word in words) and isinstance(told[1], bool),
        f"unread gives {told!r}, not a tuple of words and whether the end is cut off",
        "the words are a list or one text",
        "return (tuple(words), cut)",
    )


CONDITION_TEXTS = (
    Check(
        "texts_become_conditions",
        texts_become_conditions,
        "`of_texts` gives another dtype or shape than `vectors`",
        "give float32 vectors (n, dim), or leave `reads_text` False",
    ),
    Check(
        "empty_texts_are_refused",
        empty_texts_are_refused,
        "`unread` gives something else than it is asked for",
        "see priorkit.interfaces.Condition.unread",
        required=False,
    ),
)
