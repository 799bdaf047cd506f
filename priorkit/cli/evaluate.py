"""`priorkit evaluate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorkit.cli.arguments import Parser, add_common, join_values, refuse_unknown, whole_number
from priorkit.cli.component_flags import component_options_of_all
from priorkit.config import FieldDescription, describe_fields, merge_settings, validate_settings
from priorkit.display.console import Console
from priorkit.display.folding import folded, width_of
from priorkit.registry import Registry

if TYPE_CHECKING:
    from priorkit.evaluation import Score
    from priorkit.runs import Evaluation

__all__ = ["evaluate_command"]


def _parser(options: Sequence[FieldDescription], extractors: Sequence[str]) -> Parser:
    parser = Parser(
        "priorkit evaluate",
        "Scores a trained run, and appends the scores to its scores.json. Scores that cannot be computed are listed "
        "with the reason.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder, made by `priorkit train`")
    parser.add_argument(
        "--scores", default="", metavar="A,B", help="names of scores, or of the groups below (default: all)"
    )
    parser.add_argument(
        "--samples",
        type=whole_number(2),
        default=10_000,
        metavar="N",
        help="samples to draw, and maximal number of held-out images (default 10000)",
    )
    parser.add_argument(
        "--against",
        choices=("held-out", "train"),
        default="held-out",
        help="real images that samples are compared with (default held-out)",
    )
    parser.add_argument(
        "--importance-samples",
        type=whole_number(1),
        default=50,
        metavar="K",
        help="draws for each image in likelihood bounds (default 50)",
    )
    parser.add_argument(
        "--likelihood-images",
        type=whole_number(2),
        default=1000,
        metavar="N",
        help="maximal number of held-out images in likelihood bounds (default 1000)",
    )
    parser.add_argument(
        "--binarise",
        choices=("none", "threshold", "stochastic"),
        default=None,
        help="show the model held-out images in black and white (default: as it was trained)",
    )
    parser.add_argument(
        "--checkpoint", choices=("last", "best"), default="last", help="which checkpoint to load (default last)"
    )
    parser.add_argument("--data-dir", type=Path, metavar="PATH", help="current place of the data set")
    parser.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="seed of samples and draws (default 0)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to save the scores (default RUN/scores.json)")
    group = parser.add_argument_group("feature extractor", "its options are listed below")
    names = f"network for features: {', '.join(extractors)} (default: the run's)"
    group.add_argument("--extractor", metavar="NAME", help=names)
    for item in options:
        group.add_argument(item.flag, help=argparse.SUPPRESS)
    group = parser.add_argument_group(
        "matcher", "for the scores of captions (`text`); its options are those below, with --matcher for --extractor"
    )
    group.add_argument(
        "--matcher",
        metavar="NAME",
        help="network that compares samples and texts: a feature extractor that reads texts (default two-tower)",
    )
    for item in options:
        group.add_argument(_for_matcher(item), help=argparse.SUPPRESS)
    add_common(parser)
    return parser


def _for_matcher(item: FieldDescription) -> str:
    """Returns the matcher's flag for an extractor's option."""
    return item.flag.replace("--extractor.", "--matcher.", 1)


def _described(registry: Registry, name: str) -> list[FieldDescription]:
    return describe_fields(registry.get("extractor", name).component.options, ("extractor",))


def _options(registry: Registry) -> str:
    """Returns help for each extractor's options, separately: an option's meaning depends on the extractor."""
    parts = []
    for name in registry.names("extractor"):
        parser = Parser("priorkit evaluate", usage=argparse.SUPPRESS, help_flag=False)
        group = parser.add_argument_group(f"feature extractor {name}")
        for item in _described(registry, name):
            metavar = "[yes|no]" if item.switch else item.type.split(" ")[0].upper()
            shown = f"{item.description} [{item.type}; default {item.default}]"
            group.add_argument(item.flag, metavar=metavar, help=shown.replace("%", "%%"))
        parts.append(parser.format_help())
    return "\n".join(part for part in parts if part.strip())


def _groups() -> str:
    from priorkit.evaluation.catalogue import CATALOGUE, GROUPS

    lines = [f"  {group}: {', '.join(item.name for item in CATALOGUE if item.group == group)}" for group in GROUPS]
    return "\n".join(["scores, by group:", *lines])


def _given(flags: Mapping[str, str | None], name: str, registry: Registry) -> dict[str, Any]:
    """Returns the values of an extractor's given options; the extractor decides how their texts are read.

    Args:
        flags: The text of each option by its key; None if it is not given.
        name: The extractor's name.
        registry: Where extractors come from.
    """
    known = {item.path[1]: item for item in _described(registry, name)}
    return {key: known[key].value(text) if key in known else text for key, text in flags.items() if text is not None}


def _chosen(
    found: argparse.Namespace, options: Sequence[FieldDescription], own: Mapping[str, Any], registry: Registry
) -> dict[str, Any]:
    """Returns the extractor's table: the run's own, changed by the flags."""
    flags = {item.path[1]: getattr(found, item.flag[2:].replace("-", "_")) for item in options}
    given: dict[str, Any] = {"name": found.extractor} if found.extractor is not None else {}
    given |= _given(flags, found.extractor or own["name"], registry)
    merged: dict[str, Any] = merge_settings({"extractor": own}, {"extractor": given})["extractor"]
    return merged


def _matcher(
    found: argparse.Namespace, options: Sequence[FieldDescription], registry: Registry
) -> dict[str, Any] | None:
    """Returns the matcher's table according to its flags; None if none of them is given."""
    from priorkit.evaluation import DEFAULT_MATCHER

    flags = {item.path[1]: getattr(found, _for_matcher(item)[2:].replace("-", "_")) for item in options}
    if found.matcher is None and all(text is None for text in flags.values()):
        return None
    name = found.matcher or DEFAULT_MATCHER
    return {"name": name, **_given(flags, name, registry)}


def evaluate_command(arguments: Sequence[str], registry: Registry) -> int:
    """Scores a run; returns the exit status."""
    described = {item.flag: item for item in component_options_of_all(registry, "extractor")}
    options = list(described.values())
    parser = _parser(options, registry.names("extractor"))
    if {"-h", "--help"} & set(arguments):
        print("\n".join([parser.format_help(), _options(registry), folded(_groups(), width_of(sys.stdout))]))
        return 0
    switches = {flag for item in options if item.switch for flag in (item.flag, _for_matcher(item))}
    plain = {"-h", "--help", "--json", "--quiet"}
    joined = join_values(arguments, set(parser.flags()) - switches - plain, switches)
    found, unknown = parser.parse_known_args(joined)
    refuse_unknown(unknown, parser.flags(), parser.prog)
    validate_settings({"device": found.device})

    from priorkit.evaluation import EvaluationSettings, choose_scores
    from priorkit.runs import evaluate_run, load_run, read_evaluations, write_report

    console = Console(as_json=found.json, quiet=found.quiet)
    asked = tuple(name.strip() for name in found.scores.split(",") if name.strip())
    choose_scores(asked)
    run = load_run(
        found.run, checkpoint=found.checkpoint, device=found.device, data_dir=found.data_dir, registry=registry
    )
    settings = EvaluationSettings(
        scores=asked,
        samples=found.samples,
        against=found.against,
        importance_samples=found.importance_samples,
        likelihood_images=found.likelihood_images,
        binarise=found.binarise or run.config.binarise,
        seed=found.seed,
    )
    out: Path = found.out if found.out is not None else run.folder.scores
    # Checked before minutes of work: the file must hold evaluations, or not exist yet.
    read_evaluations(out)
    own = run.config.extractor.model_dump()
    evaluation = evaluate_run(
        run,
        settings,
        extractor=_chosen(found, options, own, registry),
        matcher=_matcher(found, options, registry),
        data_dir=found.data_dir,
        registry=registry,
        tell=lambda doing: console.line(f"{doing} ..."),
    )
    evaluation.save(out)
    if out.absolute() == run.folder.scores.absolute():
        write_report(run.folder)
    _show(console, evaluation, out)
    console.result(out)
    return 0


def _number(score: Score) -> float:
    assert score.value is not None, "a skipped score has no value"
    return score.value


def _value(score: Score) -> str:
    value = _number(score)
    text = f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"
    return text if score.spread is None else f"{text} ± {score.spread:.2g}"


def _images(score: Score) -> str:
    parts = [f"{score.samples} samples" if score.samples else "", f"{score.real} real" if score.real else ""]
    return ", ".join(part for part in parts if part)


def _show(console: Console, evaluation: Evaluation, out: Path) -> None:
    from priorkit.evaluation.unbiased import UNBIASED, below_zero_note

    scores = evaluation.scores
    for score in scores:
        console.data(score.as_data())
    console.data({"event": "end", "out": str(out), **evaluation.about})
    there = [score for score in scores if not score.skipped]
    console.line()
    if there:
        console.grid(
            ["score", "value", "of", "note"], [[item.label, _value(item), _images(item), item.note] for item in there]
        )
    note = below_zero_note(item.label for item in there if item.name in UNBIASED and _number(item) < 0)
    if note:
        console.line(f"\n{note}")
    seen = dict.fromkeys(_extractor(score.extractor) for score in there if score.extractor is not None)
    if seen:
        console.line(f"\nfeatures by {'; '.join(seen)}")
    skipped: dict[str, list[str]] = {}
    for score in scores:
        if score.skipped:
            skipped.setdefault(score.note, []).append(score.label)
    if skipped:
        console.line("\nskipped")
        for reason, labels in skipped.items():
            console.line(f"  {', '.join(labels)}: {reason}")
    binarised = evaluation.about["settings"]["binarise"]
    shown = f", shown in black and white ({binarised})" if binarised != "none" else ""
    size = scores[0].resolution
    console.line(f"\n{size}x{size} pixels{shown}, {evaluation.about['checkpoint']}; kept in {out}")


def _extractor(about: Mapping[str, str | int | float]) -> str:
    accuracy = about.get("accuracy")
    trained = f", {100 * float(accuracy):.2f} % of held-out images right" if accuracy is not None else ""
    return f"{about['name']}, weights {about['weights']}, {about['resolution']} pixels{trained}"
