"""`priorkit fit`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from priorkit.cli.run_command import RunCommand
from priorkit.cli.run_flags import parse_train_arguments
from priorkit.cli.train import run_and_tell
from priorkit.config import AUTOENCODER_SETTINGS
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry

__all__ = ["fit_command"]


def _lower_layer(run: str, registry: Registry) -> dict[str, Any]:
    if not run:
        return {}
    from priorkit.runs import fit_settings

    return fit_settings(run, registry)


FIT = RunCommand(
    "priorkit fit",
    "Fits a prior to the codes of a trained autoencoder, as a new run.",
    "priorkit fit RUN [--prior NAME] [--prior.OPTION VALUE] [...] [--out RUN]",
    ("RUN", "the run whose autoencoder's codes the prior learns"),
    _lower_layer,
    frozenset(AUTOENCODER_SETTINGS),
)


def fit_command(arguments: Sequence[str], registry: Registry) -> int:
    """Fits a prior to a run's codes; returns the exit status."""
    asked = parse_train_arguments(arguments, registry, FIT)
    if asked.help is not None:
        print(asked.help, end="")
        return 0
    if not asked.recipe:
        raise ConfigurationError(
            "priorkit fit: the run whose codes the prior learns is missing; name its folder, as in "
            "priorkit fit runs/vae-digits-001 --prior flow-matching"
        )
    from priorkit.runs import prepare_fit

    run = prepare_fit(Path(asked.recipe), asked.flags, asked.out, checkpoint=asked.checkpoint, registry=registry)
    return run_and_tell(run, asked)
