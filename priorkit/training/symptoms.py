"""Symptoms of failed training: collapse, and critics that give no useful gradient."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = ["LASTING", "NoticedSymptom", "Symptom", "SymptomHistory"]

LASTING = 500
"""Number of steps for which a symptom must last before it is reported: some occur briefly in early training."""
_CRITIC_TERM = "critic_"
"""Prefix of the names of a critic's losses."""
_PENALTY = "critic_penalty"


class Symptom(Enum):
    """What may be wrong."""

    IDLE_CRITIC = "idle-critic"
    STILL_NETWORK = "still-network"
    ALIKE_SAMPLES = "alike-samples"
    REPEATED_SAMPLES = "repeated-samples"
    POSTERIOR_COLLAPSE = "posterior-collapse"
    FEW_DIMENSIONS = "few-dimensions"
    FEW_ENTRIES = "few-entries"


@dataclass(frozen=True)
class _Rule:
    """The rule of a symptom, and its message.

    Attributes:
        at_most: Values up to this are a symptom.
        sentence: What is wrong; may refer to the figure, `value`, and its phase or network, `of`.
        advice: What to try.
    """

    at_most: float
    sentence: str
    advice: str


_FOR_SAMPLES = "a lower --learning-rate, another --adversarial-loss, or another --regularizer or --prior"
_RULES = {
    Symptom.IDLE_CRITIC: _Rule(
        1e-3,
        "the critic's losses in the phase {of} are at most {value:.1g}: it teaches nothing, because it never "
        "errs or scores everything alike",
        "a lower learning rate for it, --adversarial-loss hinge or wasserstein-gp, or a smaller critic",
    ),
    Symptom.STILL_NETWORK: _Rule(
        0.05,
        "since the review before, training has changed {value:.0%} of the weights of the {of}: it does not learn",
        "a higher learning rate for it; if its units have died, a lower one in a new run",
    ),
    Symptom.ALIKE_SAMPLES: _Rule(
        0.05,
        "samples are all alike: the mean distance of two is {value:.2g} of that of two held-out images",
        _FOR_SAMPLES,
    ),
    Symptom.REPEATED_SAMPLES: _Rule(
        0.05,
        "samples repeat a few images: the distance to the nearest one is {value:.2g} of that among held-out images",
        _FOR_SAMPLES,
    ),
    Symptom.POSTERIOR_COLLAPSE: _Rule(
        0.0,
        "posterior collapse: {value:.0%} of the codes' dimensions tell one held-out image from another, so the decoder "
        "ignores the codes",
        "a lower weight of the regularizer, or one that rises from 0; or a less powerful decoder",
    ),
    Symptom.FEW_DIMENSIONS: _Rule(
        1.2,
        "codes of held-out images vary along {value:.1f} dimensions",
        "a lower weight of the regularizer or a lower --learning-rate; a smaller --code-dim if images need no more",
    ),
    Symptom.FEW_ENTRIES: _Rule(
        2.0,
        "codes of held-out images use {value:.1f} entries of the codebook (perplexity)",
        "a lower --learning-rate, or --encoder fsq, which has no codebook to collapse",
    ),
}
_OF_INDICATORS = {
    "sample_spread": Symptom.ALIKE_SAMPLES,
    "sample_neighbours": Symptom.REPEATED_SAMPLES,
    "code_informed": Symptom.POSTERIOR_COLLAPSE,
    "code_dimensions": Symptom.FEW_DIMENSIONS,
    "code_entries": Symptom.FEW_ENTRIES,
}


@dataclass(frozen=True)
class NoticedSymptom:
    """A symptom that has lasted.

    Attributes:
        symptom: What it is.
        value: Its value.
        of: The phase or network that it concerns; empty if it is the model as a whole.
    """

    symptom: Symptom
    value: float
    of: str = ""

    def __str__(self) -> str:
        rule = _RULES[self.symptom]
        return f"{rule.sentence.format(value=self.value, of=self.of)}. To try: {rule.advice}."

    @property
    def key(self) -> str:
        """A name that identifies the symptom: `idle-critic/prior_improvement`."""
        return f"{self.symptom.value}/{self.of}" if self.of else self.symptom.value

    @staticmethod
    def of_key(key: str, value: float) -> "NoticedSymptom":
        """The symptom with this key.

        Raises:
            ValueError: No symptom has this key.
        """
        name, _, of = key.partition("/")
        return NoticedSymptom(Symptom(name), value, of)


class SymptomHistory:
    """Tracks how long symptoms have lasted, and returns each that has lasted long enough, once."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}
        self._told: set[str] = set()

    def losses(self, steps: int, before: int, losses: Mapping[str, float]) -> list[NoticedSymptom]:
        """Checks the mean losses since the previous call, by `phase/term`.

        Critics are recognised by the names of their terms, which start with `critic_`.

        Returns:
            The symptoms to report now.
        """
        largest: dict[str, float] = {}
        for name, value in losses.items():
            phase, _, term = name.rpartition("/")
            if term.startswith(_CRITIC_TERM) and term != _PENALTY:
                largest[phase] = max(largest.get(phase, 0.0), abs(value))
        found = [NoticedSymptom(Symptom.IDLE_CRITIC, value, phase) for phase, value in largest.items()]
        return list(self._lasting({Symptom.IDLE_CRITIC}, found, steps, before))

    def indicators(self, steps: int, indicators: Mapping[str, float]) -> list[NoticedSymptom]:
        """Checks a review's indicators, by name.

        Returns:
            The symptoms to report now.
        """
        found = [
            NoticedSymptom(symptom, indicators[name]) for name, symptom in _OF_INDICATORS.items() if name in indicators
        ]
        return list(self._lasting(set(_OF_INDICATORS.values()), found, steps, steps))

    def changes(self, steps: int, before: int, changed: Mapping[str, float]) -> list[NoticedSymptom]:
        """Checks the share of each network's weights that has changed since the previous call, by the network's name.

        Returns:
            The symptoms to report now.
        """
        found = [NoticedSymptom(Symptom.STILL_NETWORK, value, name) for name, value in changed.items()]
        return list(self._lasting({Symptom.STILL_NETWORK}, found, steps, before))

    def forget(self) -> None:
        """Resets the durations of symptoms: training resumes from an earlier step."""
        self._since.clear()

    def _lasting(
        self, looked_for: set[Symptom], found: Sequence[NoticedSymptom], steps: int, since: int
    ) -> Iterator[NoticedSymptom]:
        there = {each.key: each for each in found if each.value <= _RULES[each.symptom].at_most}
        for key in [key for key in self._since if NoticedSymptom.of_key(key, 0.0).symptom in looked_for]:
            if key not in there:
                del self._since[key]
        for key, each in there.items():
            if steps - self._since.setdefault(key, since) >= LASTING and key not in self._told:
                self._told.add(key)
                yield each
