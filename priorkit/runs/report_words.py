"""Summaries of a run for its pages."""

from collections.abc import Mapping
from typing import Any

from priorkit.config import RunConfig, format_duration

__all__ = ["run_facts", "run_sentence"]

_PARTS = {
    "encoder": "encoder",
    "regularizer": "regularizer",
    "loss": "reconstruction loss",
    "condition": "condition",
    "networks": "networks",
}
_NONE = "none"


def run_sentence(config: RunConfig, environment: Mapping[str, Any]) -> str:
    """Describes the system and the data of a run in two sentences.

    Args:
        config: The run's configuration.
        environment: The run's environment, from `RunFolder.read_environment`.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder, run_sentence
        >>> folder = RunFolder.open(Path("runs/first"))
        >>> run_sentence(folder.read_config(), folder.read_environment()).split(". ")[1]
        'Data set digits: 1,617 grey images of 16x16 pixels to train on and 180 held out.'
    """
    data = environment["data"]
    size, kind = data["size"], "grey" if data["channels"] == 1 else "colour"
    shape = config.code_shape
    codes = f"{shape[0]}-D codes" if len(shape) == 1 else f"codes of {'x'.join(map(str, shape))}"
    parts = [(words, getattr(config, name).name) for name, words in _PARTS.items()]
    recipe = environment.get("recipe")
    begun = f"Recipe {recipe}: prior" if recipe else "Prior"
    system = ", ".join([f"{begun} {config.prior.name} for {codes}", *(_active(parts))])
    images = f"{data['train']:,} {kind} images of {size}x{size} pixels to train on and {data['held_out']:,} held out"
    return f"{system}. Data set {config.dataset.name}: {images}."


def _active(parts: list[tuple[str, str]]) -> list[str]:
    return [f"{words} {name}" for words, name in parts if name != _NONE]


def run_facts(environment: Mapping[str, Any], last: Mapping[str, float], seed: int) -> list[tuple[str, object]]:
    """Returns names and values for the table of a report.

    Args:
        environment: The run's environment.
        last: The last row of the run's metrics.
        seed: The run's seed.
    """
    return [
        ("steps", f"{int(last['step']):,}"),
        ("images seen", f"{int(last['images']):,}"),
        ("training time", format_duration(last["seconds"])),
        ("seed", seed),
        ("device", f"{environment['device']}, {environment['precision']}"),
        ("versions", f"priorkit {environment['priorkit']}, torch {environment['torch']}"),
        *((f"parameters of {name.replace('_', ' ')}", f"{n:,}") for name, n in environment["parameters"].items()),
    ]
