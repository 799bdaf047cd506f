import base64
import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from priorkit.config import RunConfig
from priorkit.errors import RunFolderError
from priorkit.registry import Registry
from priorkit.runs import RunFolder, latest_picture, prepare, write_report
from priorkit.training import NoticedSymptom, Symptom


class Page(HTMLParser):
    """Collects the pictures, curves and text of a page, and makes sure that its elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures: list[bytes] = []
        self.curves: dict[str, list[tuple[float, float]]] = {}
        self.text = ""
        self.links: list[str] = []
        self._open: list[str] = []
        self._panel: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "img":
            kind, data = values["src"].split(",")
            assert kind == "data:image/png;base64"
            self.pictures.append(base64.b64decode(data))
        if tag not in ("meta", "img", "br", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside == "script" and data.startswith("{"):
            found = json.loads(data)
            for name, values in zip(found["names"], found["data"][1:], strict=True):
                self.curves[f"{self._panel[-1]}|{name}"] = list(zip(found["data"][0], values, strict=True))
        elif inside not in ("script", "style"):
            self.text += data
            if inside == "figcaption":
                self._panel.append(data)


def test_a_finished_run_has_a_report_that_stands_alone(folder: RunFolder) -> None:
    page = Page(folder.report.read_text(encoding="utf-8"))
    expected = [latest_picture(folder, kind) for kind in ("samples", "reconstructions")]
    film = [picture.read_bytes() for picture in sorted(folder.samples.glob("samples-*.png"))]
    assert page.pictures == [path.read_bytes() for path in expected] + film * (len(film) > 1)
    assert all(path.name.endswith("-00000006.png") for path in expected)
    assert all(link.startswith(("data:", "https://pypi.org/")) for link in page.links)
    assert {"Distance of samples from held-out images|", "Autoencoder: reconstruction|"} <= page.curves.keys()
    assert folder.config.read_text() in page.text
    assert "parameters of encoder1,582" in page.text.replace("\n", "")
    assert "images seen36" in page.text


def test_curves_go_through_the_measurements(folder: RunFolder) -> None:
    folder.metrics.write_text(
        "".join(
            json.dumps({"step": step, "images": 0, "seconds": 0.0, "a": a, "flat": 2.0}) + "\n"
            for step, a in ((1, 1.0), (2, 3.0), (4, 2.0))
        )
    )
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert page.curves == {"a|": [(1, 1.0), (2, 3.0), (4, 2.0)], "flat|": [(1, 2.0), (2, 2.0), (4, 2.0)]}


def test_the_latest_picture_is_one_of_the_runs(folder: RunFolder) -> None:
    for name in ("samples-mine.png", "samples-2024.png", "samples-00000009.png.bak"):
        (folder.samples / name).write_bytes(b"mine")
    latest = latest_picture(folder, "samples")
    assert latest is not None
    assert latest.name == "samples-00000006.png"
    (folder.samples / "samples-100000000.png").write_bytes(b"")
    assert latest_picture(folder, "samples") == folder.samples / "samples-100000000.png"


def test_a_run_without_measurements_has_a_report_too(folder: RunFolder) -> None:
    folder.metrics.unlink()
    for picture in folder.samples.iterdir():
        picture.unlink()
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert page.pictures == []
    assert page.curves == {}
    assert latest_picture(folder, "samples") is None


def test_names_are_escaped(folder: RunFolder) -> None:
    strange = folder.path.rename(folder.path.with_name("<b>&run"))
    moved = RunFolder.open(strange)
    row = {"step": 1, "images": 6, "seconds": 0.1, 'loss/<i>"x"': 1.0, "</script><i>": 2.0}
    moved.metrics.write_text(json.dumps(row) + "\n")
    text = write_report(moved).read_text(encoding="utf-8")
    page = Page(text)
    assert html.escape("<b>&run") in text
    assert not re.search("<b>|<i>", text)
    assert list(page.curves) == ['<i>"x"|', "</script><i>|"]


def test_symptoms_are_told_in_words(folder: RunFolder) -> None:
    symptoms = {"symptom/idle-critic/improvement": 1e-5, "symptom/<i>of-later": 3.0}
    folder.metrics.write_text(json.dumps({"step": 700, "images": 6, "seconds": 0.1, **symptoms}) + "\n")
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert page.curves == {}
    assert f"Step 700: {NoticedSymptom(Symptom.IDLE_CRITIC, 1e-5, 'improvement')}" in page.text
    assert "Step 700: <i>of-later 3" in page.text


def test_a_report_that_cannot_be_written(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr("priorkit.runs.report._page", lambda folder, title: "a page")
    with pytest.raises(RunFolderError, match=r"cannot write the report .*report\.html.*Permission denied"):
        write_report(folder)


def test_a_run_without_an_encoder_has_a_report_without_reconstructions(
    registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = run_config(encoder="none", loss="none", regularizer="none", steps=2)
    prepare(config, tmp_path / "run", registry=registry).run()
    folder = RunFolder.open(tmp_path / "run")
    page = Page(folder.report.read_text(encoding="utf-8"))
    assert page.pictures == [(folder.samples / "samples-00000002.png").read_bytes()]
    assert "its reconstruction" not in page.text
    assert "Distance of samples from held-out images|" in page.curves
    assert not any("econstruction" in name for name in page.curves)
