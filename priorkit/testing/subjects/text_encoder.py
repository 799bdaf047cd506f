"""Text encoders to check."""

import random
from collections.abc import Iterator, Sequence

from torch import Tensor

from priorkit.interfaces import TextEncoder
from priorkit.plugins import TextEncoderContext
from priorkit.testing.case import Case
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import Subject

__all__ = ["TextEncoderSubject", "text_encoder_subjects"]

_VOCABULARY = ("a", "bird", "with", "the", "red", "wings", "blue", "small", "flower", "petals", "yellow", "on")
_OTHERS = ("zygomorphic", "xanthic", "Qwx", "7")
"""Words that are not in the vocabulary."""


class TextEncoderSubject(Subject[TextEncoder]):
    """A text encoder with or without a vocabulary.

    Attributes:
        vocabulary: The words of the training captions; empty for no vocabulary.

    Args:
        case: The component with its options.
        vocabulary: The words of the training captions; empty for no vocabulary.
    """

    interface = TextEncoder
    may_drop_out = True

    def __init__(self, case: Case, vocabulary: Sequence[str]) -> None:
        words = f"a vocabulary of {len(vocabulary)} words" if vocabulary else "no vocabulary"
        super().__init__(case, words, variant=words)
        self.vocabulary = tuple(vocabulary)

    def context(self) -> TextEncoderContext:
        """Returns the vocabulary."""
        return TextEncoderContext(self.vocabulary)

    def passes(self, component: TextEncoder) -> Sequence[ForwardPass]:
        """Returns the pass from tokens to vectors."""
        return [
            ForwardPass(
                "forward",
                lambda inputs: component(inputs["tokens"]),
                lambda n: (n, component.dim),
                trains=not component.frozen,
            )
        ]

    def captions(self, n: int, seed: int) -> list[str]:
        """Returns `n` captions of one to twelve words, most of which are in the vocabulary."""
        draw = random.Random(seed)
        return [" ".join(draw.choices(_VOCABULARY * 3 + _OTHERS, k=draw.randint(1, 12))) for _ in range(n)]

    def long_caption(self, component: TextEncoder) -> str:
        """Returns a caption of more words than `length`."""
        return " ".join(self.captions(1, 5)[0] for _ in range(component.length + 1))

    def tokens(self, component: TextEncoder, captions: Sequence[str]) -> Tensor:
        """Returns the tokens of captions: int64 (N, length)."""
        return component.tokens(captions)

    def inputs(self, component: TextEncoder, n: int, seed: int) -> Inputs:
        """Returns the `tokens` of captions, int64 (n, length)."""
        return {"tokens": self.tokens(component, self.captions(n, seed))}

    def extreme_inputs(self, component: TextEncoder) -> Sequence[tuple[str, Inputs]]:
        """Returns captions that are empty, unreadable, and too long."""
        named = (
            ("captions without words", ["", "   ", "\n"]),
            ("captions of signs", ["...", "\U0001f426 \u2603", "\u9ce5 \u0928\u0940\u0932\u093e", "\x00\t\x7f"]),
            ("a caption that is cut", [self.long_caption(component)]),
        )
        return [(words, {"tokens": self.tokens(component, captions)}) for words, captions in named]


def text_encoder_subjects(case: Case) -> Iterator[TextEncoderSubject]:
    """Yields a text encoder with a vocabulary, and one without."""
    yield TextEncoderSubject(case, _VOCABULARY)
    yield TextEncoderSubject(case, ())
