"""`priorkit explore`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from priorkit.cli.arguments import Parser, add_common, join_values, refuse_unknown, whole_number
from priorkit.display.console import Console
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.exploring.browser_networks import BrowserNetworks

__all__ = ["explore_command"]

_VALUED = frozenset({"--out", "--codes", "--weights", "--text", "--seed", "--checkpoint", "--data-dir"})


def _parser() -> Parser:
    parser = Parser(
        "priorkit explore",
        "Writes one interactive HTML file about trained runs: a map of codes that decodes the point that is clicked, "
        "sliders for the noise, classes and texts, the pictures and curves of the training. The decoder runs in the "
        "browser: the file needs no server, no installation and no connection. Several runs stand side by side, and "
        "the same noise is fed to each.",
    )
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="run folders, made by `priorkit train`")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="the file to write (default RUN/explore.html; required for several runs)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.add_argument(
        "--codes",
        type=whole_number(2),
        default=400,
        metavar="N",
        help="codes of each kind on a map, 2 to 5000 (default 400)",
    )
    parser.add_argument(
        "--weights",
        choices=("auto", "float32", "float16", "none"),
        default="auto",
        help="precision of the weights in the page; none: only pictures, decoded in advance; auto: float32, or float16 "
        "if the page would exceed 12 MB (default auto)",
    )
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="TEXT",
        help="a text to offer, for runs that read texts; may be repeated",
    )
    parser.add_argument(
        "--checkpoint", choices=("last", "best"), default="last", help="which checkpoint to load (default last)"
    )
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="the same seed gives the same page (default 0)"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="PATH",
        help="current place of the runs' data set, for the codes of held-out images (default: as in training)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    add_common(parser)
    return parser


def explore_command(arguments: Sequence[str], registry: Registry) -> int:
    """Writes an interactive page about runs; returns the exit status."""
    parser = _parser()
    found, unknown = parser.parse_known_args(join_values(arguments, _VALUED, ()))
    refuse_unknown(unknown, parser.flags(), parser.prog)
    from priorkit.exploring import explore

    console = Console(as_json=found.json, quiet=found.quiet)
    written = explore(
        found.runs,
        found.out,
        overwrite=found.overwrite,
        codes=found.codes,
        seed=found.seed,
        texts=found.text,
        weights=found.weights,
        checkpoint=found.checkpoint,
        data_dir=found.data_dir,
        registry=registry,
        tell=lambda doing: console.line(f"{doing} ..."),
    )
    console.data(
        {
            "event": "end",
            "out": str(written.path),
            "bytes": written.size,
            "runs": [
                {
                    "run": str(each.run.path),
                    "networks": sorted(each.networks.graphs),
                    "weights": _weights(each.networks),
                    "notes": list(each.notes),
                }
                for each in written.explorations
            ],
        }
    )
    console.line()
    for each in written.explorations:
        for note in each.notes:
            console.line(note)
        if each.networks.half:
            console.line(f"{each.run.path}: weights are rounded to float16 (--weights float32 keeps them)")
    if written.advice:
        console.line(written.advice)
    console.line(f"{written.path} ({written.size / 1e6:.1f} MB): open it in a browser")
    console.result(written.path)
    if found.open:
        import webbrowser

        if not webbrowser.open(written.path.absolute().as_uri()):
            console.line("no browser could be started: open the file in one")
    return 0


def _weights(networks: BrowserNetworks) -> str:
    if not networks.graphs:
        return "none"
    return "float16" if networks.half else "float32"
