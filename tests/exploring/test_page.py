import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.errors import ConfigurationError, DataError, DataWarning, ExportError, RunFolderError
from priorkit.exploring import LARGEST_PAGE, WrittenPage, explore
from priorkit.registry import Registry
from priorkit.runs import Run, RunFolder, load_run

EVIL = "<script>alert(1)<!--"


def test_the_page_of_a_run_lies_in_its_folder(page: WrittenPage) -> None:
    [found] = page.explorations
    assert page.path == found.run.path / "explore.html"
    assert page.size == page.path.stat().st_size < LARGEST_PAGE
    assert page.advice == ""


def test_the_same_run_gives_the_same_page(train_tiny: Callable[..., Run], tmp_path: Path) -> None:
    one, other = (explore(train_tiny(), tmp_path / f"{n}.html", codes=20, weights="none") for n in range(2))
    assert one.path.read_bytes() == other.path.read_bytes()


def test_a_named_page_is_not_replaced(train_tiny: Callable[..., Run], tmp_path: Path) -> None:
    out = tmp_path / "mine.html"
    out.write_text("mine")
    with pytest.raises(RunFolderError, match="already exists and is left as it is"):
        explore(train_tiny(), out)
    assert out.read_text() == "mine"
    explore(train_tiny(), out, overwrite=True, weights="none", codes=4)
    assert "mine" not in out.read_text(encoding="utf-8")[:10]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"out": "page.txt"}, ConfigurationError, "must end in .html"),
        ({"out": "nowhere/page.html"}, RunFolderError, "a folder that does not exist"),
        ({"weights": "float8"}, ConfigurationError, "weights must be one of auto, float32, float16, none"),
        ({"texts": ["a flower"]}, ConfigurationError, "not conditioned on texts"),
        ({"codes": 1}, ConfigurationError, "2 to 5000 codes"),
        ({"codes": 5001}, ConfigurationError, "2 to 5000 codes"),
        ({"seed": 2**64}, ConfigurationError, "below 2"),
    ],
)
def test_wrong_options_are_explained(
    train_tiny: Callable[..., Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        explore(train_tiny(), **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [0, 7])
def test_a_page_shows_some_runs(train_tiny: Callable[..., Run], tmp_path: Path, count: int) -> None:
    with pytest.raises(ConfigurationError, match=f"1 to 6 runs, not {count}"):
        explore([train_tiny()] * count, tmp_path / "page.html")


def test_several_runs_need_a_name(train_tiny: Callable[..., Run]) -> None:
    with pytest.raises(ConfigurationError, match=r"--out FILE\.html"):
        explore([train_tiny(), train_tiny()])


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError):
        explore(tmp_path)


def test_names_bring_no_scripts(
    train_tiny: Callable[..., Run], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shutil.copytree(train_tiny("learned-supervised").path, tmp_path / EVIL.replace("/", ""))
    run = load_run(path, device="cpu", registry=registry)
    data = {**run.environment["data"], "class_names": [f"{EVIL}{n}</script>" for n in range(run.model.classes)]}
    monkeypatch.setattr(run, "environment", {**run.environment, "data": data})
    monkeypatch.setattr(run, "class_names", tuple(data["class_names"]))
    text = explore(run, tmp_path / "page.html", weights="none", codes=4).path.read_text(encoding="utf-8")
    assert "alert(1)" in text
    assert "<script>alert" not in text
    opened, closed = len(re.findall("<script", text)), len(re.findall("</script", text))
    assert opened == closed


def test_decoded_pictures_take_the_place_of_networks(
    train_tiny: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Run, *arguments: object, **options: object) -> None:
        raise ExportError("it asks for the <time>")

    monkeypatch.setattr(Run, "export", refuse)
    written = explore(train_tiny(), tmp_path / "page.html", codes=4)
    text = written.path.read_text(encoding="utf-8")
    assert "it asks for the &lt;time&gt;" in text
    assert 'id="runtime"' not in text
    assert 'id="decoded-before"' in text
    assert written.size < 500_000


def test_a_page_goes_without_data_that_is_gone(
    train_tiny: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: object, **options: object) -> None:
        raise DataError("/home/somebody/images is gone")

    monkeypatch.setattr("priorkit.exploring.exploration.load_run_data", gone)
    with pytest.warns(DataWarning, match="/home/somebody/images is gone"):
        written = explore(train_tiny(), tmp_path / "page.html", codes=4, weights="none")
    [found] = written.explorations
    assert found.points.from_prior.all()
    assert found.diagnosis is None
    text = written.path.read_text(encoding="utf-8")
    assert "The run&#39;s data could not be read" in text
    assert "somebody" not in text
    with pytest.raises(DataError, match="/home/somebody/images is gone"):
        explore(train_tiny(), tmp_path / "other.html", codes=4, weights="none", data_dir=tmp_path)


def test_a_run_without_an_encoder_has_a_page(train_tiny: Callable[..., Run], tmp_path: Path) -> None:
    run = train_tiny("dcgan")
    [found] = explore(run, tmp_path / "page.html", codes=4).explorations
    assert set(found.networks.graphs) == {"decoder", "prior"}
    assert "The run has no encoder" in " ".join(found.notes)


def test_a_run_without_pictures_has_a_page(train_tiny: Callable[..., Run], registry: Registry, tmp_path: Path) -> None:
    path = shutil.copytree(train_tiny().path, tmp_path / "bare")
    shutil.rmtree(path / "samples")
    (path / "metrics.jsonl").unlink()
    text = explore(path, registry=registry, weights="none", codes=4).path.read_text(encoding="utf-8")
    assert 'class="film"' not in text
    assert RunFolder.open(path).metrics.exists() is False


def test_somebody_elses_page_in_the_folder_is_left_alone(
    train_tiny: Callable[..., Run], registry: Registry, tmp_path: Path
) -> None:
    path = shutil.copytree(train_tiny().path, tmp_path / "run")
    page = path / "explore.html"
    page.write_text("mine")
    with pytest.raises(RunFolderError, match=r"not a page by priorkit, and is left as it is"):
        explore(path, registry=registry, weights="none", codes=4)
    assert page.read_text() == "mine"
    page.unlink()
    for _ in range(2):
        explore(path, registry=registry, weights="none", codes=4)
    page.unlink()
    page.mkdir()
    with pytest.raises(RunFolderError, match="is a folder"):
        explore(path, registry=registry, weights="none", codes=4)


def test_pages_name_no_path_of_this_machine(train_tiny: Callable[..., Run], tmp_path: Path) -> None:
    runs = [train_tiny("learned", name, data_dir="/home/somebody/images") for name in ("one", "two")]
    assert "somebody" in runs[0].folder.config.read_text(encoding="utf-8")
    text = explore(runs, tmp_path / "page.html", weights="none", codes=4).path.read_text(encoding="utf-8")
    assert "learning_rate" in text
    assert "somebody" not in text
    assert str(runs[0].path.parent) not in text


def test_a_diagnosis_calls_the_run_by_its_folders_name(
    train_tiny: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []

    def told(run: Run, **options: object) -> None:
        called.append(options["called"])

    monkeypatch.setattr("priorkit.exploring.exploration.FEWEST_CODES", 1)
    monkeypatch.setattr("priorkit.exploring.exploration.diagnose", told)
    explore(train_tiny(), tmp_path / "page.html", weights="none", codes=4)
    assert called == ["run"]


def test_classes_that_a_run_has_found_are_not_the_labels(train_tiny: Callable[..., Run], tmp_path: Path) -> None:
    [found] = explore(train_tiny("learned-unsupervised"), tmp_path / "page.html", weights="none", codes=6).explorations
    labels = {name for name in found.class_names if not name.startswith("found class ")}
    assert labels == {"odd", "even"}
    of_prior = found.points.classes[found.points.from_prior]
    assert {found.class_names[index] for index in of_prior.tolist()}.isdisjoint(labels)
    of_images = found.points.classes[~found.points.from_prior]
    assert {found.class_names[index] for index in of_images.tolist()} <= labels


def test_a_diverged_run_is_explained(
    train_tiny: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_tiny()
    monkeypatch.setattr(run.model, "vectors", lambda codes: codes.float() * float("nan"))
    with pytest.raises(RunFolderError, match=r"not finite.*--checkpoint best"):
        explore(run, tmp_path / "page.html", codes=4)
