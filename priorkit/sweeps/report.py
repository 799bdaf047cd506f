"""The report of a sweep: one HTML page with the trials, the trade-offs, and the importance of the options."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from priorkit.config import format_duration
from priorkit.pages import Html, PageScript, Point, PointGroup, file_link, html_page, scatter_figure, section, table
from priorkit.studies.documents import write_document
from priorkit.sweeps.objectives import Objective, pareto_front
from priorkit.sweeps.results import Sweep
from priorkit.sweeps.trials import SweptTrial

__all__ = ["write_sweep_report"]

_STYLE = """
.bars td { border: 0; } .bars td.bar { width: min(14rem, 30vw); }
.bars i { display: block; height: .7rem; margin-top: .4rem; background: var(--c0); }
"""


def write_sweep_report(sweep: Sweep) -> Path:
    """Writes `sweep.html` into a sweep's folder: a self-contained page, which links the trials' own reports.

    Returns:
        The path of the page.

    Raises:
        RunFolderError: The page cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.sweeps import Sweep, SweptTrial, parse_objectives, write_sweep_report
        >>> trial = SweptTrial(0, "complete", {"batch_size": "64"}, (0.8,), {"sample_distance": 0.8}, Path("trial-0"))
        >>> path = write_sweep_report(Sweep(Path(), parse_objectives("sample_distance"), (trial,)))
        >>> path.name, "trial-0" in path.read_text(encoding="utf-8")
        ('sweep.html', True)
    """
    path = sweep.folder / "sweep.html"
    write_document(path, _page(sweep))
    return path


def _page(sweep: Sweep) -> Html:
    return html_page(
        sweep.folder.absolute().name,
        _summary(sweep),
        [
            *_trade_offs(sweep),
            *_importance(sweep),
            *_by_option(sweep),
            section("Trials", _table(sweep)),
        ],
        scripts=(PageScript.CURVES,),
        own_style=_STYLE,
    )


def _summary(sweep: Sweep) -> str:
    states = [trial.state for trial in sweep.trials]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "none yet"
    wanted = " and ".join(
        f"{'low' if item.direction == 'minimize' else 'high'} {_plain(item.name)}" for item in sweep.objectives
    )
    seconds = sum(trial.finite_figures.get("seconds", 0.0) for trial in sweep.trials)
    best = sweep.best
    found = ""
    if best is not None:
        params = ", ".join(f"{_plain(name)} {value}" for name, value in best.params.items())
        figures = ", ".join(f"{_plain(item.name)} {best.figures[item.name]:.4g}" for item in sweep.objectives)
        found = f" Best by {_plain(sweep.objectives[0].name)}: trial {best.number} ({params}), with {figures}."
    return f"Objective: {wanted}. Trials: {counts}; {format_duration(seconds)} of training in all.{found}"


def _plain(name: str) -> str:
    return name.replace("_", " ") if "." not in name else name.replace("_", "-")


def _title(trial: SweptTrial, sweep: Sweep) -> str:
    lines = [f"trial {trial.number}{'' if trial.state == 'complete' else f', {trial.state}'}"]
    lines += [f"{_plain(name)}: {value}" for name, value in trial.params.items()]
    lines += [
        f"{_plain(item.name)}: {trial.figures[item.name]:.4g}"
        for item in sweep.objectives
        if item.name in trial.figures
    ]
    return "\n".join(lines)


def _measured(sweep: Sweep, names: Iterable[str]) -> list[SweptTrial]:
    """The complete and pruned trials that have these figures, with finite values."""
    wanted = set(names)
    ended = [trial for trial in sweep.trials if trial.state in ("complete", "pruned")]
    return [trial for trial in ended if wanted <= trial.finite_figures.keys()]


def _chart(
    sweep: Sweep,
    title: str,
    places: Sequence[tuple[SweptTrial, float | str]],
    best: tuple[str, Sequence[SweptTrial]],
    identifier: str,
    *,
    across: str,
    up: Objective,
    log: bool = False,
) -> Html:
    """A chart of trials, each with its place on the horizontal axis; a line joins the best, which have a name."""
    called, chosen = best
    groups: dict[str, list[Point]] = {"pruned": [], "complete": [], called: []}
    for trial, place in places:
        kind = called if trial in chosen else trial.state
        groups[kind].append(Point(place, trial.figures[up.name], _title(trial, sweep)))
    shown = [
        PointGroup(kind, points, colour=int(kind == called), hollow=kind == "pruned", joined=kind == called)
        for kind, points in groups.items()
        if points
    ]
    return scatter_figure(title, shown, identifier, across=across, up=_plain(up.name), log=log)


def _charts(heading: str, charts: Sequence[Html]) -> list[Html]:
    return [section(heading, Html('<div class="panels">{}</div>').format(Html("").join(charts)))] if charts else []


def _trade_offs(sweep: Sweep) -> list[Html]:
    """Charts of the first objective against each of the others, or against time, and of the search's progress."""
    first = sweep.objectives[0]
    others = sweep.objectives[1:] or (Objective("seconds", "minimize"),)
    charts = [chart for number, other in enumerate(others) for chart in _trade_off(sweep, first, other, number)]
    return _charts("What trades off", [*charts, *_history(sweep)])


def _trade_off(sweep: Sweep, one: Objective, other: Objective, number: int) -> list[Html]:
    trials = _measured(sweep, (one.name, other.name))
    if not trials:
        return []
    ended = [trial for trial in trials if trial.state == "complete"]
    pairs = [(trial, (trial.figures[one.name], trial.figures[other.name])) for trial in ended]
    front = pareto_front(pairs, (one, other))
    costs = [trial.figures[other.name] for trial in trials]
    chart = _chart(
        sweep,
        f"{_plain(one.name)} against {_plain(other.name)}",
        list(zip(trials, costs, strict=True)),
        ("no other is better in both", front),
        f"trade-off-{number}",
        across=_plain(other.name),
        up=one,
        log=max(costs) > 20 * min(costs),
    )
    return [chart]


def _history(sweep: Sweep) -> list[Html]:
    first = sweep.objectives[0]
    trials = _measured(sweep, (first.name,))
    if not trials:
        return []
    best: list[SweptTrial] = []
    for trial in trials:
        value = trial.figures[first.name]
        if trial.state == "complete" and (not best or first.better(value, best[-1].figures[first.name])):
            best.append(trial)
    places = [(trial, float(trial.number)) for trial in trials]
    title = f"{_plain(first.name)} of each trial"
    return [_chart(sweep, title, places, ("best so far", best), "history", across="trial", up=first)]


def _importance(sweep: Sweep) -> list[Html]:
    if not sweep.importance:
        return []
    parts = [
        Html("<p>The share of each option in the differences between trials, as far as they can be estimated.</p>")
    ]
    for name, shares in sweep.importance.items():
        ordered = sorted(((_plain(key), share) for key, share in shares.items()), key=lambda item: -item[1])
        parts.append(Html('<h3>{}</h3><div class="wide">{}</div>').format(_plain(name), _bars(ordered)))
    return [section("Which options matter", *parts)]


def _bars(shares: Sequence[tuple[str, float]]) -> Html:
    """A table of shares, each with a bar of proportional length."""
    row = Html('<tr><td>{}</td><td class="bar"><i style="width:{:.1f}%"></i></td><td>{:.0%}</td></tr>')
    rows = (row.format(name, 100 * max(0.0, min(share, 1.0)), share) for name, share in shares)
    return Html('<table class="bars">{}</table>').format(Html("").join(rows))


def _by_option(sweep: Sweep) -> list[Html]:
    first = sweep.objectives[0]
    trials = _measured(sweep, (first.name,))
    best = [trial for trial in [sweep.best] if trial is not None]
    charts = []
    for number, name in enumerate(sweep.options):
        mine = [trial for trial in trials if name in trial.params]
        values = _numbers([trial.params[name] for trial in mine])
        if not mine:
            continue
        numbers = [value for value in values if not isinstance(value, str)]
        log = bool(numbers) and max(numbers) >= 10 * min(numbers)
        places = list(zip(mine, values, strict=True))
        called = _plain(name)
        charts.append(
            _chart(sweep, called, places, ("best", best), f"option-{number}", across=called, up=first, log=log)
        )
    return _charts("Option by option", charts)


def _numbers(texts: Sequence[str]) -> Sequence[float | str]:
    """The values as numbers if all are numbers; otherwise unchanged."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return list(texts)


def _table(sweep: Sweep) -> Html:
    ordered = [*sweep.complete, *(trial for trial in sweep.trials if trial.state != "complete")]
    front = sweep.front
    header, rows = sweep.cells(ordered)
    cells = [
        [
            *row[:-1],
            file_link(trial.run.name, PurePath(trial.run.name, "report.html")),
            f"{trial.state}: {trial.reason}" if trial.reason else trial.state,
        ]
        for trial, row in zip(ordered, rows, strict=True)
    ]
    marked = {place for place, trial in enumerate(ordered) if trial in front}
    return table([_plain(name) for name in [*header, "state"]], cells, marked=marked)
