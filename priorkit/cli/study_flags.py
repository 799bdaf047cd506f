"""The flags of `priorkit reproduce`: the study's own, and those of the runs that it trains."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorkit.cli.arguments import HELP_FLAGS, Parser, add_common, refuse_unknown, whole_number
from priorkit.cli.component_flags import component_options_of_all, tie_values
from priorkit.config import LIMITS, FieldDescription, RunConfig, describe_fields, parse_duration
from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.studies import Request, Study

__all__ = ["StudyArguments", "parse_study_arguments"]

_PROGRAM = "priorkit reproduce"
_USAGE = "priorkit reproduce STUDY --dataset NAME (--budget TIME | --steps N) [--seeds N] [--out FOLDER] [...]"
_DESCRIPTION = (
    "Trains the systems of one of the paper's tables or figures, each with the same budget, and shows their results "
    "beside the paper's; the study `priors` fits all priors to the codes of the same autoencoders. "
    "Give the same command again to resume: complete runs are kept, interrupted runs are resumed."
)
_OWN = (
    "--budget",
    "--steps",
    "--fit-budget",
    "--fit-steps",
    "--seeds",
    "--jobs",
    "--out",
    "--samples",
    "--systems",
    "--text",
)


@dataclass(frozen=True)
class StudyArguments:
    """The parsed arguments of `priorkit reproduce`.

    Attributes:
        request: The study to carry out; None if the user requested help.
        json: Whether to print JSON.
        quiet: Whether to print errors only.
        help: The help text, if the user requested help.
        jobs: Number of runs to train at once.
    """

    request: Request | None
    json: bool
    quiet: bool
    help: str | None = None
    jobs: int = 1


def _samples(text: str) -> int:
    if not text.isdecimal() or int(text) == 1:
        raise argparse.ArgumentTypeError(f"expected 0, or a whole number of at least 2, not {text!r}")
    return int(text)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, not {text!r}") from None


def _run_options(registry: Registry) -> list[FieldDescription]:
    """Returns all options of runs and components, except those with a flag of the study's own."""
    described = [item for item in describe_fields(RunConfig) if item.flag not in _OWN]
    return [*component_options_of_all(registry), *described]


def _parser(studies: str) -> Parser:
    parser = Parser(_PROGRAM, _DESCRIPTION, _USAGE, help_flag=False)
    parser.add_argument("study", nargs="?", default="", metavar="STUDY", help=studies)
    parser.add_argument("-h", "--help", action="store_true", help="show this help, with all settings of the runs")
    parser.add_argument("--budget", type=_duration, metavar="TIME", help="training time of each run: 90s, 8m or 1h30m")
    parser.add_argument(
        "--steps", type=whole_number(1), metavar="N", help="steps of each run, so that all see equally many images"
    )
    parser.add_argument(
        "--fit-budget", type=_duration, metavar="TIME", help="for the study priors: time to fit each prior (default 1m)"
    )
    parser.add_argument(
        "--fit-steps", type=whole_number(1), metavar="N", help="for the study priors: steps to fit each prior"
    )
    parser.add_argument("--seeds", type=whole_number(1), default=3, metavar="N", help="runs of each system (default 3)")
    parser.add_argument(
        "--jobs", type=whole_number(1), default=1, metavar="N", help="runs trained at the same time, one device each"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="output folder (default: reproductions/STUDY-DATASET)"
    )
    parser.add_argument(
        "--samples",
        type=_samples,
        default=10_000,
        metavar="N",
        help="samples for scores; 0 for the scores of training only (default 10000)",
    )
    parser.add_argument("--systems", default="", metavar="NAMES", help="train only these systems, as in aae,learned")
    parser.add_argument(
        "--text",
        action="append",
        metavar="TEXT",
        help="for figure14: a text to draw instead of its own texts, may be repeated; for figure15: a text with "
        "alternatives in braces",
    )
    return parser


def parse_study_arguments(arguments: Sequence[str], registry: Registry, study: Study | None = None) -> StudyArguments:
    """Parses the arguments of `priorkit reproduce`.

    Args:
        arguments: The arguments as typed.
        registry: Where components come from.
        study: The study, if the arguments do not name it; otherwise None.

    Raises:
        ConfigurationError: An option is unknown or lacks a value, or a required argument is missing.
    """
    from priorkit.studies import STUDIES, Request, find_study, with_own_priors

    described = _run_options(registry)
    joined = tie_values(arguments, described, _OWN)
    names = ", ".join(study.name for study in STUDIES)
    if not HELP_FLAGS.isdisjoint(arguments):
        return StudyArguments(None, json=False, quiet=False, help=_help(names, registry))
    parser = _parser(names)
    add_common(parser)
    for flag in sorted({item.flag for item in described}):
        parser.add_argument(flag)
    found, unknown = parser.parse_known_args(joined)
    refuse_unknown(unknown, parser.flags(), _PROGRAM)
    if not found.study and study is None:
        raise ConfigurationError(f"name a study: {names}; see `{_PROGRAM} --help`")
    systems = tuple(name.strip() for name in found.systems.split(",") if name.strip())
    folder = Path("reproductions" if study is None else "comparisons")
    study = with_own_priors(find_study(found.study), systems, registry) if study is None else study
    values = vars(found)
    common: dict[str, Any] = {
        ".".join(item.path): text for item in described if (text := values[item.flag[2:].replace("-", "_")]) is not None
    }
    if "dataset" not in common and study.draws_texts:
        common["dataset"] = study.data[0]
    if "dataset" not in common:
        papers = f" (the paper's: {', '.join(study.data)})" if study.data else ""
        raise ConfigurationError(
            f"{study.name} needs a data set: --dataset NAME{papers}; `priorkit components dataset` lists them"
        )
    if (found.budget is None) == (found.steps is None):
        raise ConfigurationError(f"{study.name} needs one of --budget TIME and --steps N, the same for every system")
    limit = {"steps": found.steps} if found.steps is not None else {"max_time": found.budget}
    out = found.out or folder / f"{study.name}-{common['dataset']}".replace(":", "-")
    texts, fit_limit = tuple(found.text or ()), _fit_limit(study, found)
    request = Request(study, out, limit, common, found.seeds, systems, found.samples, fit_limit, texts)
    return StudyArguments(request, found.json, found.quiet, jobs=found.jobs)


def _fit_limit(study: Study, found: argparse.Namespace) -> dict[str, float]:
    """Returns the limit of each fit: steps, or seconds as `max_time`."""
    given = found.fit_budget is not None or found.fit_steps is not None
    if given and not study.has_fits:
        flag = "--fit-budget" if found.fit_budget is not None else "--fit-steps"
        raise ConfigurationError(f"{flag}: {study.name} fits no prior to codes; leave it out, or use the study priors")
    if found.fit_budget is not None and found.fit_steps is not None:
        raise ConfigurationError("--fit-budget and --fit-steps both say how long a prior is fitted: give one of them")
    if found.fit_steps is not None:
        return {"steps": found.fit_steps}
    return {"max_time": 60.0 if found.fit_budget is None else found.fit_budget}


def _help(names: str, registry: Registry) -> str:
    """Returns the help text: the command's own flags, and the settings that all systems share."""
    parser = _parser(names)
    group = parser.add_argument_group(
        "settings of every run",
        "options of components are settings too, such as --networks.width; `priorkit components` lists them",
    )
    fixed = {kind.slot for kind in KINDS} - {"dataset", "networks", "extractor"} | {"seed", *LIMITS}
    for item in describe_fields(RunConfig):
        if item.path[0] not in fixed:
            metavar = "[yes|no]" if item.switch else item.type.split(" ")[0].upper()
            group.add_argument(item.flag, metavar=metavar, help=item.description.replace("%", "%%"))
    add_common(parser)
    return parser.format_help()
