"""`priorkit export`."""

from collections.abc import Sequence
from pathlib import Path

from priorkit.cli.arguments import Parser, add_common, join_values, refuse_unknown
from priorkit.display.console import Console
from priorkit.registry import Registry

__all__ = ["export_command"]

_VALUED = frozenset({"--out", "--part", "--codes", "--checkpoint", "--data-dir"})


def _parser() -> Parser:
    parser = Parser(
        "priorkit export",
        "Writes a part of a trained run to a file that runs without priorkit: ONNX, or torch.export's format. The file "
        "takes batches of any size, and describes its inputs and outputs.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder, made by `priorkit train`")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the file to write, which ends in .onnx or .pt2 (default PART.onnx)"
    )
    parser.add_argument(
        "--part",
        metavar="PART",
        help="decoder (from codes to images), encoder (from images to codes), prior (from noise to codes), or sampler "
        "(from noise to images); default: the name of FILE without its ending, or decoder if FILE is not given",
    )
    parser.add_argument(
        "--codes",
        choices=("prior", "encoder"),
        default="prior",
        help="the codes that the decoder is for: its batch norm has separate statistics for the prior's and the "
        "encoder's (default prior)",
    )
    parser.add_argument(
        "--noise",
        action="store_true",
        help="let a stochastic encoder also take noise, and return draws instead of means",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.add_argument(
        "--checkpoint", choices=("last", "best"), default="last", help="which checkpoint to load (default last)"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="PATH",
        help="current place of the run's data set, if its prior reads it (default: as in training)",
    )
    add_common(parser)
    return parser


def export_command(arguments: Sequence[str], registry: Registry) -> int:
    """Exports a part of a run; returns the exit status."""
    parser = _parser()
    found, unknown = parser.parse_known_args(join_values(arguments, _VALUED, ()))
    refuse_unknown(unknown, parser.flags(), parser.prog)
    from priorkit.exporting import check_export_output, part_named
    from priorkit.runs import load_run

    path = found.out if found.out is not None else Path(f"{found.part or 'decoder'}.onnx")
    part = part_named(path, found.part)
    check_export_output(path, overwrite=found.overwrite)
    run = load_run(found.run, checkpoint=found.checkpoint, device="cpu", data_dir=found.data_dir, registry=registry)
    written = run.export(path, part=part.value, codes=found.codes, noise=found.noise, overwrite=found.overwrite)
    console = Console(as_json=found.json, quiet=found.quiet)
    items = (*written.signature.inputs, written.signature.output)
    console.data(
        {
            "out": str(path),
            "part": part.value,
            "largest_difference": written.largest_difference,
            "others": written.others,
            "compared": written.compared,
            "inputs": written.about["inputs"],
            "outputs": written.about["outputs"],
        }
    )
    for item in items:
        what = "out" if item is written.signature.output else "in"
        console.line(f"{what:>3}  {item.name} {item.dtype} ({', '.join(map(str, ('N', *item.shape)))}): {item.meaning}")
    if written.largest_difference is None:
        checked = "not checked: install onnxruntime by pip install 'priorkit[export]'"
    else:
        checked = f"differs from torch by at most {written.largest_difference:.2g}"
        if written.others:
            checked += (
                f", except that {written.others} of {written.compared} outputs are different choices: rounding decides "
                "between two that are almost equally near"
            )
    console.line(f"{part.value} in {path}; {checked}")
    console.result(path)
    return 0
