"""`scores.json`: the evaluations of a run, the newest last."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from priorkit.config import parse_json
from priorkit.errors import RunFolderError
from priorkit.runs.file_lock import file_lock
from priorkit.runs.folder import explained_os_errors
from priorkit.whole_files import read_regular, write_whole

__all__ = ["append_evaluation", "read_evaluations"]


def read_evaluations(path: Path) -> list[dict[str, Any]]:
    """Reads the evaluations in a file, the newest last; empty if the file does not exist.

    Each has `scores`, a list of results of `priorkit.evaluation.Score.as_data`, and the conditions of the evaluation.

    Raises:
        RunFolderError: The file cannot be read, or does not hold evaluations.

    Examples:
        >>> from pathlib import Path
        >>> import priorkit
        >>> from priorkit.evaluation import EvaluationSettings
        >>> from priorkit.runs import evaluate_run, read_evaluations
        >>> settings = EvaluationSettings(scores=("reconstruction-error",), samples=100)
        >>> evaluate_run(priorkit.load_run("runs/first", device="cpu"), settings).save(Path("scores.json"))
        >>> [score["name"] for score in read_evaluations(Path("scores.json"))[-1]["scores"]]
        ['reconstruction-error']
    """
    with explained_os_errors("read the scores", None):
        try:
            text = read_regular(path)
        except FileNotFoundError:
            return []
    try:
        kept = parse_json(text)["evaluations"]
        if not isinstance(kept, list) or not all(isinstance(item, dict) and "scores" in item for item in kept):
            raise TypeError("it is not a list of evaluations")
        if not all(_are_scores(item["scores"]) for item in kept):
            raise TypeError("its content is not scores")
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{str(path)!r} holds no evaluations by priorkit ({type(error).__name__}: {error}), and is left as it is; "
            "move it away, or name another file with --out"
        ) from None
    return kept


def _are_scores(scores: Any) -> bool:
    """Whether a value is a list of results of `Score.as_data`."""
    return isinstance(scores, list) and all(
        isinstance(score, dict)
        and isinstance(score.get("name"), str)
        and isinstance(score.get("label"), str)
        and isinstance(score.get("value", ""), int | float | None)
        and isinstance(score.get("note", ""), str)
        for score in scores
    )


def append_evaluation(path: Path, evaluation: Mapping[str, Any]) -> None:
    """Appends an evaluation to those in a file, which is written atomically.

    Raises:
        RunFolderError: The file cannot be read or written, or does not hold evaluations.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import append_evaluation, read_evaluations
        >>> score = {"name": "frechet-distance", "label": "FID"}
        >>> append_evaluation(Path("scores.json"), {"scores": [{**score, "value": 31.5}]})
        >>> append_evaluation(Path("scores.json"), {"scores": [{**score, "value": 12.5}]})
        >>> [evaluation["scores"][0]["value"] for evaluation in read_evaluations(Path("scores.json"))]
        [31.5, 12.5]
    """
    with explained_os_errors("write the scores", None):
        path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as alone:
        with explained_os_errors("write the scores", None):
            # On a file system without locks, one of two simultaneous evaluations may be lost.
            alone.enter_context(file_lock(path.with_name(f".{path.name}.lock")))
        evaluations = [*read_evaluations(path), dict(evaluation)]
        with explained_os_errors("write the scores", None):
            write_whole(path, json.dumps({"evaluations": evaluations}, indent=2) + "\n")
