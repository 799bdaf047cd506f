"""`priorkit fit RUN`: fits a prior to the codes of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from priorkit.cli.fit_codes import fit_codes_command, given_codes_meant
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
    "Fits a prior to the codes of a trained autoencoder, as a new run; or to codes from anywhere: "
    "`priorkit fit --codes FILE --help`.",
    "priorkit fit RUN [--prior NAME] [--prior.OPTION VALUE] [...] [--out RUN]\n"
    "       priorkit fit --codes FILE [...] [--out PRIOR]",
    ("RUN", "the run of the autoencoder to whose codes the prior is fitted"),
    _lower_layer,
    frozenset(AUTOENCODER_SETTINGS),
)


def fit_command(arguments: Sequence[str], registry: Registry) -> int:
    """Fits a prior to a run's codes, or to given ones; returns the exit status."""
    if given_codes_meant(arguments):
        return fit_codes_command(arguments, registry)
    asked = parse_train_arguments(arguments, registry, FIT)
    if asked.help is not None:
        print(asked.help, end="")
        return 0
    if not asked.recipe:
        raise ConfigurationError(
            "priorkit fit: the run to whose codes the prior is fitted is missing; name its folder, as in "
            "priorkit fit runs/vae-digits-001 --prior flow-matching; or give codes from anywhere by --codes FILE"
        )
    from priorkit.runs import prepare_fit

    run = prepare_fit(Path(asked.recipe), asked.flags, asked.out, checkpoint=asked.checkpoint, registry=registry)
    return run_and_tell(run, asked)
