"""`priorkit sample PRIOR`: draws codes from a prior that was fitted to given codes."""

import argparse
from pathlib import Path

from priorkit.cli.run_arguments import done
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry

__all__ = ["is_prior", "sample_codes"]

_RECORD = "prior.json"
_MOST = 2**30
"""Maximal number of numbers to draw at once: 8 GiB."""


def is_prior(path: Path) -> bool:
    """Whether a folder holds a prior without a run; does not import torch."""
    return (path / _RECORD).is_file()


def sample_codes(found: argparse.Namespace, registry: Registry) -> int:
    """Draws codes and writes them to a file; returns the exit status."""
    from priorkit.codes import FittedPrior, check_codes_output, save_codes

    found.out = found.out or Path("codes.npz")
    check_codes_output(found.out, overwrite=found.overwrite)
    for flag, given in (
        ("--data-dir", found.data_dir is not None),
        ("--columns", found.columns is not None),
        ("--text", found.text is not None),
        ("--text-file", found.text_file is not None),
        ("--checkpoint best", found.checkpoint == "best"),
    ):
        if given:
            raise ConfigurationError(f"{flag}: {str(found.run)!r} is a prior without a run; leave it out")
    prior = FittedPrior.load(found.run, device=found.device, registry=registry)
    most = _MOST // prior.scale.space.dim
    if found.number > most:
        raise ConfigurationError(
            f"-n {found.number} is more than fits into memory at once: draw at most {most} at a time, each with "
            "another --seed"
        )
    condition = None
    if found.label is not None:
        if not prior.classes:
            raise ConfigurationError(
                f"--label {found.label}: {str(found.run)!r} was not fitted with classes; fit a prior with --condition "
                "labels, or leave it out"
            )
        names = [found.label] if found.label in map(str, prior.classes) else found.label.split(",")
        condition = [names[place % len(names)].strip() for place in range(found.number)]
    codes, conditions = prior.sample_with_conditions(found.number, condition, seed=found.seed)
    beside = {} if conditions is None else {"labels" if prior.classes else "conditions": conditions}
    save_codes(codes.numpy(), found.out, beside, overwrite=found.overwrite)
    return done(found, f"{len(codes)} codes", codes=len(codes))
