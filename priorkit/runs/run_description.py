"""A run's description in one line, and as HTML for notebooks."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from priorkit.config import RunConfig
from priorkit.data import to_uint8
from priorkit.engine import checkpoint_step
from priorkit.errors import PriorkitError
from priorkit.figures.inline_images import inline_grid
from priorkit.models import Model
from priorkit.pages import Html

__all__ = ["run_as_html", "run_in_words"]


def run_in_words(path: Path, checkpoint: str, config: RunConfig, model: Model) -> str:
    """A description of a run in one line.

    Args:
        path: The run folder.
        checkpoint: The name of the loaded checkpoint's folder.
        config: The resolved configuration.
        model: The trained model.
    """
    size, kind = model.shape.size, "grey" if model.shape.channels == 1 else "colour"
    parts = [
        f"prior {config.prior.name}",
        *([f"encoder {config.encoder.name}"] if model.encoder is not None else []),
        f"codes {model.code_space}",
        f"{size}x{size} {kind} images of {config.dataset.name}",
        f"step {checkpoint_step(path / checkpoint)}",
        str(model.device),
    ]
    return f"<Run {str(path)!r}: {', '.join(parts)}>"


def run_as_html(words: str, sample: Callable[[], Tensor]) -> Html:
    """A run's description with some samples, as self-contained HTML.

    Args:
        words: The description in one line.
        sample: Draws the samples, (N, C, H, W) in [-1, 1].
    """
    try:
        picture: str = inline_grid(to_uint8(sample()), "samples")
    except PriorkitError as error:
        # A run that cannot be sampled is shown without samples.
        picture = str(error)
    return Html('<div style="font-family: sans-serif; font-size: 0.9em"><div>{}</div>{}</div>').format(words, picture)
