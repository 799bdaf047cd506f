"""`priorkit diagnose`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from priorkit.cli.arguments import whole_number
from priorkit.cli.run_arguments import load, parse, run_parser
from priorkit.display.console import Console
from priorkit.errors import MissingExtraError
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.diagnosis import Diagnosis

__all__ = ["diagnose_command"]


def diagnose_command(arguments: Sequence[str], registry: Registry) -> int:
    """Reports how a run's prior differs from its codes; returns the exit status."""
    parser = run_parser(
        "diagnose",
        "Compares a run's prior with the codes of its images: says in a sentence what is wrong and what to try, saves "
        "the numbers and a picture in the run's folder (diagnosis.json, diagnosis.png), and adds both to its report.",
        "RUN/diagnosis.png",
    )
    parser.set_defaults(out=None)
    parser.add_argument(
        "--samples",
        type=whole_number(20),
        default=5000,
        metavar="N",
        help="maximal number of codes of each kind (default 5000)",
    )
    found = parse(parser, arguments, ("--samples",))
    from priorkit.runs import check_picture_output, diagnose, save_diagnosis, save_picture

    if found.out is not None:
        check_picture_output(found.out, overwrite=found.overwrite)
    run = load(found, registry)
    console = Console(as_json=found.json, quiet=found.quiet)
    diagnosis = diagnose(
        run,
        samples=found.samples,
        seed=found.seed,
        data_dir=found.data_dir,
        registry=registry,
        tell=lambda doing: console.line(f"{doing} ..."),
    )
    from priorkit.diagnosis import draw_diagnosis

    picture, missing = None, ""
    try:
        picture = draw_diagnosis(diagnosis)
    except MissingExtraError as error:
        if found.out is not None:
            raise
        missing = str(error)
    save_diagnosis(run, diagnosis, picture)
    if picture is not None and found.out is not None:
        save_picture(picture, found.out, overwrite=found.overwrite)
    _show(console, diagnosis)
    kept = found.out or (run.folder.diagnosis_picture if picture is not None else run.folder.diagnosis)
    console.data({"event": "end", "out": str(kept), **diagnosis.as_data()})
    console.line(f"\nno picture: {missing}" if missing else "")
    console.line(f"{run.checkpoint}; kept in {kept}")
    console.result(kept)
    return 0


def _show(console: Console, diagnosis: Diagnosis) -> None:
    found, codes = diagnosis.comparison, diagnosis.codes
    console.line()
    for finding in diagnosis.findings:
        console.line(finding.sentence)
        console.line(f"  {finding.advice}")
    console.line()
    console.grid(
        ["measure", "value", "if both are alike"],
        [list(row) for row in found.measures],
    )
    still = f"; {found.still} dimensions hardly vary" if found.still else ""
    console.line(
        f"\n{len(codes.prior)} codes of the prior, {len(codes.held_out)} of held-out images and "
        f"{len(codes.training)} of training images{still}"
    )
