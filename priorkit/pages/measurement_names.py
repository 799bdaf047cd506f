"""The names of a training's measurements on pages: `loss/autoencoder/critic_real` is shown as a curve of a panel."""

import re
from dataclasses import dataclass

__all__ = ["MeasurementName", "name_measurement"]

_HELD_OUT = {
    "reconstruction_error": "Reconstruction error of held-out images",
    "sample_distance": "Distance of samples from held-out images",
}
_INDICATORS = {
    "sample_spread": "Spread of samples (held-out images: 1)",
    "sample_neighbours": "Distance to the nearest other sample (held-out images: 1)",
    "code_informed": "Share of code dimensions that are used",
    "code_dimensions": "Effective dimensions of the codes",
    "code_entries": "Codebook entries in use (perplexity)",
}
_CRITIC = re.compile(r"(?P<before>.*?)_?critic_(?P<which>real|fake)")
_SECTIONS = {
    "held_out": "Held-out images",
    "score": "Scores during training",
    "loss": "Losses",
    "indicator": "Indicators of collapse",
}


@dataclass(frozen=True)
class MeasurementName:
    """The place and the name of a measurement on a page.

    Attributes:
        section: The heading of the group of panels: `Losses`.
        panel: The panel's title: `Autoencoder: critic`.
        curve: The curve's name if a panel has several curves of one run: `real`; otherwise empty.
    """

    section: str
    panel: str
    curve: str = ""


def name_measurement(key: str) -> MeasurementName:
    """Returns the name of a measurement of `metrics.jsonl` on pages.

    Args:
        key: The measurement's key in the file. Keys that priorkit does not write are shown unchanged.

    Examples:
        >>> from priorkit.pages import name_measurement
        >>> name_measurement("loss/prior_improvement/critic_real")
        MeasurementName(section='Losses', panel='Prior improvement: critic', curve='real')
    """
    kind, _, rest = key.partition("/")
    if kind not in _SECTIONS or not rest:
        return MeasurementName("Others", key)
    heading = _SECTIONS[kind]
    if kind == "held_out":
        return MeasurementName(heading, _HELD_OUT.get(rest, _sentence(rest)))
    if kind == "indicator":
        return MeasurementName(heading, _INDICATORS.get(rest, _sentence(rest)))
    if kind == "score":
        return MeasurementName(heading, _sentence(rest))
    phase, _, term = rest.partition("/")
    if not term:
        return MeasurementName(heading, _sentence(phase))
    critic = _CRITIC.fullmatch(term)
    if critic:
        return MeasurementName(heading, f"{_sentence(phase)}: {_words(critic['before'] + ' critic')}", critic["which"])
    return MeasurementName(heading, f"{_sentence(phase)}: {_words(term)}")


def _words(name: str) -> str:
    return name.replace("_", " ").strip()


def _sentence(name: str) -> str:
    words = _words(name)
    return words[:1].upper() + words[1:]
