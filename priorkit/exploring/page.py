"""Writes the page on which one or several runs are explored."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import tomli_w

from priorkit.config import read_toml, toml_values
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.exploring.browser_networks import Weights
from priorkit.exploring.exploration import Exploration, explore_run
from priorkit.exploring.page_data import as_page_data, diagnosis_html, samples_html
from priorkit.pages import (
    PageScript,
    curve_sections,
    film_strip,
    fold,
    html_page,
    json_island,
    packaged_text,
    panels_of,
    section,
    text_of,
)
from priorkit.registry import Registry
from priorkit.runs import Run, explained_os_errors, kept_pictures, load_run, run_sentence
from priorkit.runs.sharing import without_local_paths
from priorkit.whole_files import write_whole

__all__ = ["LARGEST_PAGE", "WrittenPage", "explore"]

LARGEST_PAGE = 12_000_000
"""Bytes that a page should stay below, so that it can be sent around."""
_MOST_RUNS = 6
_MOST_CODES = 5000
_MARK = '<meta name="priorkit-page" content="explore">'
_RUNTIME = 5_000_000
"""Bytes of the runtime in a page."""
_PER_RUN = 900_000
"""Bytes of a run beside its weights, about: codes, pictures, curves."""
_BASE64 = 4 / 3
_PACKAGE = "priorkit.exploring"
_SCRIPTS = ("binary", "noise", "networks", "images", "codes_map", "map_view", "conditions", "sampler", "page")


@dataclass(frozen=True)
class WrittenPage:
    """What has been written.

    Attributes:
        path: The file.
        size: Its bytes.
        explorations: What it tells, a run each.
    """

    path: Path
    size: int
    explorations: tuple[Exploration, ...]

    @property
    def advice(self) -> str:
        """How to make the page smaller; empty where it is small enough."""
        if self.size <= LARGEST_PAGE:
            return ""
        ways = [] if all(each.networks.half for each in self.explorations) else ["--weights float16"]
        ways += ["--codes 100"] + (["fewer runs"] if len(self.explorations) > 1 else []) + ["--weights none"]
        return f"the page has {self.size / 1e6:.1f} MB; to make it smaller: {', '.join(ways)}"


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
    """Writes one HTML file on which runs are explored: a browser decodes their codes, without any server.

    Args:
        runs: Runs, or their folders: at most 6.
        out: The file; by default `explore.html` in the folder of a single run, where it replaces an earlier one.
        overwrite: Whether a file of that name is replaced; an earlier page in a run's folder always is.
        codes: Codes of each kind on a run's map, at most: 2 to 5000.
        seed: Seed of all draws.
        texts: Texts to offer, for the runs that read texts.
        weights: How the page holds weights: `auto`, `float32`, `float16` or `none`.
        checkpoint: `last` or `best`, of runs that are given as folders.
        data_dir: Where the runs' data lies now, if not where it lay then.
        registry: Where components come from; the installed plug-ins if None.
        tell: Is told what is being done.

    Raises:
        ConfigurationError: There are no runs or too many, an option is wrong, or `data_dir` holds other data.
        DataError: The data in `data_dir` is missing or broken.
        MissingExtraError: What writes ONNX files is not installed: `pip install 'priorkit[explore]'`.
        RunFolderError: A folder is no run, or the file cannot be written.

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
    """The runs that read texts, which all of these must be readable to: before minutes of work.

    Raises:
        ConfigurationError: No run reads texts, or one reads nothing of a text.
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
            what = "is a folder" if path.is_dir() else "is no page of priorkit's, and is left as it is"
            raise RunFolderError(f"{str(path)!r} {what}; move it away, or name another file by --out")
        return path
    path = Path(out)
    if path.suffix not in (".html", ".htm"):
        raise ConfigurationError(f"--out {path} is no name of a page: it must end in .html")
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "lies in a folder that does not exist"
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
    """The folders' names, and a number behind those that others share."""
    names = [each.run.path.resolve().name for each in found]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names, start=1)]


def _page(found: Sequence[Exploration]) -> str:
    names = _names(found)
    single = len(found) == 1
    run_networks = any(each.networks.decodes for each in found)
    lead = (
        run_sentence(found[0].run.config, found[0].run.environment)
        if single
        else f"{len(found)} runs side by side: the same noise goes through each."
    )
    parts = [_notes(found, names), _samples(found, names), '<section id="map"></section>']
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


def _notes(found: Sequence[Exploration], names: Sequence[str]) -> str:
    lines = [
        f"{'' if len(found) == 1 else f'{name}: '}{note}"
        for each, name in zip(found, names, strict=True)
        for note in each.notes
    ]
    return "".join(f'<p class="warning">{text_of(line)}</p>' for line in lines)


def _samples(found: Sequence[Exploration], names: Sequence[str]) -> str:
    """The place of the sampler, and what is shown there by browsers that do not run it."""
    pictures = [
        f"<div>{'' if len(found) == 1 else f'<h3>{text_of(name)}</h3>'}{samples_html(each)}</div>"
        for each, name in zip(found, names, strict=True)
    ]
    inside = f'<div id="sampler"></div><div id="decoded-before" class="pictures">{"".join(pictures)}</div>'
    return section("Samples", inside, identifier="samples")


def _films(found: Sequence[Exploration], names: Sequence[str]) -> list[str]:
    strips = [
        (name, film_strip(kept_pictures(each.run.folder, "samples"), f"samples of {name}"))
        for each, name in zip(found, names, strict=True)
    ]
    inside = [_titled(name, strip, len(found) == 1) for name, strip in strips if strip]
    return [
        section("Samples in the course of training", f'<div class="pictures">{"".join(inside)}</div>' if inside else "")
    ]


def _titled(name: str, inside: str, single: bool) -> str:
    return inside if single else f"<div><h3>{text_of(name)}</h3>{inside}</div>"


def _about(each: Exploration, name: str) -> str:
    # The page may go to somebody else, whom paths of this machine do not concern.
    kept = without_local_paths(read_toml(each.run.folder.config), each.run.registry)
    settings = text_of(tomli_w.dumps(toml_values(kept)))
    sentence = text_of(run_sentence(each.run.config, each.run.environment))
    return f"<h3>{text_of(name)}</h3><p>{sentence}</p>{fold('Configuration', f'<pre>{settings}</pre>')}"


@cache
def _vendored(name: str) -> bytes:
    return resources.files(_PACKAGE).joinpath("vendored").joinpath(name).read_bytes()


def _binary(identifier: str, content: bytes) -> str:
    text = base64.b64encode(content).decode("ascii")
    return f'<script type="application/octet-stream" id="{text_of(identifier)}">{text}</script>'
