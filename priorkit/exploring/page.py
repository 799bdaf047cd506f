"""Writes an interactive page about one or several runs."""

import base64
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import tomli_w

from priorkit.config import read_toml, toml_values
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.exploring.browser_networks import Weights
from priorkit.exploring.exploration import Exploration, explore_run
from priorkit.exploring.page_data import as_page_data, diagnosis_html, samples_html
from priorkit.exploring.written_page import LARGEST_PAGE, WrittenPage
from priorkit.pages import (
    Html,
    PageScript,
    curve_sections,
    film_strip,
    fold,
    html_page,
    json_island,
    packaged_text,
    panels_of,
    section,
)
from priorkit.registry import Registry
from priorkit.runs import Run, explained_os_errors, kept_pictures, load_run, run_sentence
from priorkit.runs.sharing import without_local_paths
from priorkit.whole_files import write_whole

__all__ = ["LARGEST_PAGE", "WrittenPage", "explore"]

_MOST_RUNS = 6
_MOST_CODES = 5000
_MARK = Html('<meta name="priorkit-page" content="explore">')
_RUNTIME = 5_000_000
"""Approximate size in bytes of the runtime in a page."""
_PER_RUN = 900_000
"""Approximate size in bytes of a run's codes, pictures and curves, without its weights."""
_BASE64 = 4 / 3
_PACKAGE = "priorkit.exploring"
_SCRIPTS = ("binary", "noise", "networks", "images", "codes_map", "map_view", "conditions", "sampler", "page")


def explore(
    runs: Run | str | Path | Sequence[Run | str | Path],
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    codes: int = 400,
    seed: int = 0,
    texts: Sequence[str] = (),
    weights: Weights | str = Weights.AUTO,
    checkpoint: str = "last",
    data_dir: str | Path | None = None,
    registry: Registry | None = None,
    tell: Callable[[str], None] = lambda doing: None,
) -> WrittenPage:
    """Writes one interactive HTML file about runs: the browser decodes their codes, without a server.

    Args:
        runs: Runs, or their folders: 1 to 6.
        out: The file; by default `explore.html` in the folder of a single run, where it replaces an earlier page.
        overwrite: Whether to replace an existing file; an earlier page in a run's folder is always replaced.
        codes: Maximal number of codes of each kind on a run's map, 2 to 5000.
        seed: Seed of all draws.
        texts: Texts to offer, for the runs that read texts.
        weights: Precision of the weights in the page: `float32`; `float16`; `auto` for float32, or float16 if the page
            would exceed 12 MB; or `none` for pictures that are decoded in advance.
        checkpoint: The checkpoint of runs that are given as folders: `last` or `best`.
        data_dir: The current place of the runs' data, if it has moved.
        registry: Where components come from; the installed plug-ins if None.
        tell: Called with a text before each part of the work.

    Returns:
        The page's path and size, and its contents.

    Raises:
        ConfigurationError: There are no runs or too many, an option is wrong, or `data_dir` holds other data.
        DataError: The data in `data_dir` is missing or broken.
        MissingExtraError: The packages that write ONNX files are not installed: `pip install 'priorkit[explore]'`.
        RunFolderError: A folder is not a run, or the file cannot be written.

    Examples:
        >>> import priorkit
        >>> page = priorkit.explore("runs/first", "digits.html", codes=20, weights="none")
        >>> page.path.name, page.size < 12_000_000, page.explorations[0].run.checkpoint
        ('digits.html', True, 'step-00000002')
    """
    given = [runs] if isinstance(runs, Run | str | Path) else list(runs)
    if not 1 <= len(given) <= _MOST_RUNS:
        raise ConfigurationError(f"a page shows 1 to {_MOST_RUNS} runs, not {len(given)}")
    chosen = _weights(weights)
    if not 2 <= codes <= _MOST_CODES:
        raise ConfigurationError(f"a map shows 2 to {_MOST_CODES} codes of each kind (codes, --codes), not {codes}")
    if not 0 <= seed < 2**63:
        raise ConfigurationError(f"seed must be a whole number from 0 on, below 2**63, not {seed}")
    path = _output(given, out, overwrite=overwrite)
    place = None if data_dir is None else Path(data_dir)
    loaded = [_loaded(each, checkpoint, place, registry) for each in given]
    readers = _readers(loaded, tuple(texts))
    room = (LARGEST_PAGE - _RUNTIME) / len(loaded) - _PER_RUN
    found = []
    for run in loaded:
        begun = f"{run.path.name}: " if len(loaded) > 1 else ""
        found.append(
            explore_run(
                run,
                codes=codes,
                seed=seed,
                texts=tuple(texts) if run in readers else (),
                weights=chosen,
                largest_weights=int(room / _BASE64),
                data_dir=place,
                tell=lambda doing, begun=begun: tell(f"{begun}{doing}"),  # type: ignore[misc]
            )
        )
    text = _page(found)
    with explained_os_errors("write the page", None):
        write_whole(path, text)
    return WrittenPage(path, len(text.encode()), tuple(found))


def _readers(runs: Sequence[Run], texts: tuple[str, ...]) -> list[Run]:
    """Returns the runs that read texts, after checking that they can read all of these: before minutes of work.

    Raises:
        ConfigurationError: No run reads texts, or a run cannot read any word of a text.
    """
    readers = [run for run in runs if run.model.condition is not None and run.model.condition.reads_text]
    if texts:
        for run in readers or runs[:1]:
            run.model.text_conditions(texts)
    return readers


def _weights(weights: Weights | str) -> Weights:
    if isinstance(weights, Weights):
        return weights
    names = [each.value for each in Weights]
    if weights not in names:
        raise ConfigurationError(f"weights must be one of {', '.join(names)}, not {weights!r}")
    return Weights(weights)


def _output(given: Sequence[Run | str | Path], out: str | Path | None, *, overwrite: bool) -> Path:
    if out is None:
        if len(given) > 1:
            raise ConfigurationError("a page of several runs needs a name: give --out FILE.html (out= in Python)")
        [one] = given
        path = (one.path if isinstance(one, Run) else Path(one)) / "explore.html"
        if path.is_dir() or (not overwrite and path.exists() and not _is_ours(path)):
            what = "is a folder" if path.is_dir() else "is not a page by priorkit, and is left as it is"
            raise RunFolderError(f"{str(path)!r} {what}; move it away, or name another file with --out")
        return path
    path = Path(out)
    if path.suffix not in (".html", ".htm"):
        raise ConfigurationError(f"--out {path}: the name of a page must end in .html")
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in a folder that does not exist"
        raise RunFolderError(f"--out {path} {what}; name a file in a folder that exists")
    if path.exists() and not overwrite:
        raise RunFolderError(f"--out {path} already exists and is left as it is; name another file, or add --overwrite")
    return path


def _is_ours(path: Path) -> bool:
    """Whether a file is a page that `explore` has written."""
    with explained_os_errors("read the page", None), path.open("rb") as file:
        return _MARK.encode() in file.read(4096)


def _loaded(each: Run | str | Path, checkpoint: str, data_dir: Path | None, registry: Registry | None) -> Run:
    if isinstance(each, Run):
        if each.model.device.type != "cpu":
            raise ConfigurationError(f"{str(each.path)!r} is on {each.model.device}: load it with device='cpu'")
        return each
    return load_run(each, checkpoint=checkpoint, device="cpu", data_dir=data_dir, registry=registry)


def _names(found: Sequence[Exploration]) -> list[str]:
    """Returns the folders' names; names that several runs share are numbered."""
    names = [each.run.path.resolve().name for each in found]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)]


def _page(found: Sequence[Exploration]) -> str:
    names = _names(found)
    single = len(found) == 1
    run_networks = any(each.networks.decodes for each in found)
    lead = (
        run_sentence(found[0].run.config, found[0].run.environment)
        if single
        else f"{len(found)} runs side by side: each gets the same noise."
    )
    parts = [_notes(found, names), _samples(found, names), Html('<section id="map"></section>')]
    parts += _films(found, names)
    diagnoses = [
        (name, diagnosis_html(each.diagnosis, f"spectrum-{number}"))
        for number, (each, name) in enumerate(zip(found, names, strict=True))
    ]
    parts.append(section("Prior and codes", *(_titled(name, text, single) for name, text in diagnoses if text)))
    metrics = {"" if single else name: each.run.metrics for each, name in zip(found, names, strict=True)}
    parts += curve_sections(panels_of(metrics))
    if not single:
        about = zip(found, names, strict=True)
        parts.append(section("Runs", *(_about(each, name) for each, name in about)))
    parts.append(json_island("runs", [as_page_data(each, name) for each, name in zip(found, names, strict=True)]))
    parts += [
        _binary(f"{role}-{number}", content)
        for number, each in enumerate(found)
        for role, content in each.networks.packed().items()
    ]
    if run_networks:
        parts += [_binary("runtime", _vendored("ort.wasm.bundle.min.mjs"))]
        parts += [_binary("runtime-wasm", _vendored("ort-wasm-simd-threaded.wasm.gz"))]
    return html_page(
        " and ".join(names) if len(names) < 3 else ", ".join(names),
        lead,
        parts,
        scripts=(PageScript.CURVES, PageScript.FILM),
        own_scripts=[packaged_text(f"static/{name}.js", _PACKAGE) for name in _SCRIPTS],
        own_style=packaged_text("static/explore.css", _PACKAGE),
        head=_MARK,
        runs_code=True,
    )


def _notes(found: Sequence[Exploration], names: Sequence[str]) -> Html:
    lines = [
        f"{'' if len(found) == 1 else f'{name}: '}{note}"
        for each, name in zip(found, names, strict=True)
        for note in each.notes
    ]
    return Html("").join(Html('<p class="warning">{}</p>').format(line) for line in lines)


def _samples(found: Sequence[Exploration], names: Sequence[str]) -> Html:
    """Returns the section of the sampler, with pictures for browsers that cannot run it."""
    pictures = [
        Html("<div>{}{}</div>").format(Html("" if len(found) == 1 else "<h3>{}</h3>").format(name), samples_html(each))
        for each, name in zip(found, names, strict=True)
    ]
    inside = Html('<div id="sampler"></div><div id="decoded-before" class="pictures">{}</div>')
    return section("Samples", inside.format(Html("").join(pictures)), identifier="samples")


def _films(found: Sequence[Exploration], names: Sequence[str]) -> list[Html]:
    strips = [
        (name, film_strip(kept_pictures(each.run.folder, "samples"), f"samples of {name}"))
        for each, name in zip(found, names, strict=True)
    ]
    inside = [_titled(name, strip, len(found) == 1) for name, strip in strips if strip]
    films = [Html('<div class="pictures">{}</div>').format(Html("").join(inside))] if inside else []
    return [section("Samples in the course of training", *films)]


def _titled(name: str, inside: Html, single: bool) -> Html:
    return inside if single else Html("<div><h3>{}</h3>{}</div>").format(name, inside)


def _about(each: Exploration, name: str) -> Html:
    # The page may be sent to others, who should not see paths of this machine.
    kept = without_local_paths(read_toml(each.run.folder.config), each.run.registry)
    settings = fold("Configuration", Html("<pre>{}</pre>").format(tomli_w.dumps(toml_values(kept))))
    sentence = run_sentence(each.run.config, each.run.environment)
    return Html("<h3>{}</h3><p>{}</p>{}").format(name, sentence, settings)


@cache
def _vendored(name: str) -> bytes:
    return resources.files(_PACKAGE).joinpath("vendored").joinpath(name).read_bytes()


def _binary(identifier: str, content: bytes) -> Html:
    text = base64.b64encode(content).decode("ascii")
    return Html('<script type="application/octet-stream" id="{}">{}</script>').format(identifier, text)
