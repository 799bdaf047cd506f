import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from priorkit.cli.picture import picture_command
from priorkit.errors import ConfigurationError
from priorkit.interfaces import DataSource, ImageData, ImageSet
from priorkit.runs import prepare


@pytest.fixture(scope="module")
def asked_once(tiny, tmp_path_factory):
    """Runs of two steps, by their condition: labels, random classes, and none in a run without an encoder."""
    from priorkit.cli import main

    folder = tmp_path_factory.mktemp("figures")
    flags = {
        "labels": ["--condition", "labels"],
        "categorical": ["--condition", "categorical", "--condition.classes", "3", "--code-dim", "8"],
        "continuous": ["--condition", "categorical", "--condition.continuous", "2", "--code-dim", "8"],
        "gan": ["--encoder", "none", "--loss", "none", "--regularizer", "none", "--prior", "gaussian"],
    }
    for name, more in flags.items():
        assert main(["train", "learned", *tiny, *more, "--steps", "2", "--out", str(folder / name), "--quiet"]) == 0
    return folder


@pytest.fixture
def runs(asked_once, tmp_path):
    """The same, in the folder where commands run."""
    for run in asked_once.iterdir():
        (tmp_path / run.name).symlink_to(run)
    return tmp_path


def size(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.size


def told(result):
    assert (result.status, result.err) == (0, "")
    return json.loads(result.out)


def test_classes_with_continuous_codes(cli, runs):
    assert cli("picture", "classes", "continuous").out == "8 rows, 10 columns in classes.png\n"
    assert cli("sample", "continuous", "-n", 30, "--out", "samples.npz").status == 0
    with np.load("samples.npz") as samples:
        assert set(samples["labels"].tolist()) <= set(range(10))
    assert cli("evaluate", "continuous", "--scores", "clustering", "--samples", 40).status == 0


def test_classes_in_columns(cli, runs):
    result = cli("picture", "classes", "labels")
    assert (result.status, result.err) == (0, "")
    assert result.out == "8 rows, 10 columns in classes.png\n"
    # 16 pixels and a border of 2, enlarged fourfold; a caption above.
    width, height = size("classes.png")
    assert width == 10 * 72 + 8
    assert 8 * 72 + 8 < height < 9 * 72
    assert told(cli("picture", "classes", "labels", "--label", "7,1", "-n", 3, "--out", "two.png", "--json")) == {
        "out": "two.png",
        "images": 6,
        "columns": ["7", "1"],
    }
    assert size("two.png")[0] == 2 * 72 + 8
    few = cli("picture", "classes", "categorical", "--columns", 2, "--out", "few.png")
    assert few.out == "8 rows, 2 columns of 3 classes in few.png\n"


def test_pictures_of_a_training_have_classes_in_columns(runs):
    widths = [size(runs / name / "samples" / "samples-00000002.png")[0] for name in ("labels", "categorical", "gan")]
    assert widths == [columns * 72 + 8 for columns in (10, 9, 8)]


def test_vectors_in_columns_where_there_are_no_classes(cli, make_registry, make_component, tiny_config, tmp_path):
    class Described(DataSource):
        def load(self):
            images = torch.randint(256, (20, 1, 16, 16), dtype=torch.uint8)
            described = ImageSet(images, embeddings=torch.randn(20, 3))
            return ImageData(described, described)

    registry = make_registry([("dataset", make_component("described", lambda options, context: Described()))])
    prepare(
        tiny_config("learned", registry, dataset="described", condition="embedding", steps=2),
        tmp_path / "run",
        registry=registry,
    ).run()
    assert picture_command(["classes", "run", "-n", "2", "--columns", "5"], registry) == 0
    assert size("classes.png") == (5 * 72 + 8, 2 * 72 + 8)
    with pytest.raises(ConfigurationError, match="'run' has no classes: it was trained with --condition embedding"):
        picture_command(["classes", "run", "--label", "1", "--out", "x.png"], registry)


def test_the_same_seed_gives_the_same_figure(cli, runs):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            cli("picture", "classes", "labels", "--seed", seed, "--out", f"{name}.png", "--quiet").out
            == f"{name}.png\n"
        )
    first, second, third = (Path(f"{name}.png").read_bytes() for name in "abc")
    assert first == second != third


def test_codes_in_the_plane(cli, runs):
    result = cli("picture", "tsne", "labels", "-n", 30, "--perplexity", 5)
    assert (result.status, result.err) == (0, "")
    assert result.out == "30 codes of the prior and as many of images in tsne.png\n"
    assert size("tsne.png") == (1200, 550)


def test_codes_are_not_drawn_without_matplotlib(cli, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = cli("picture", "tsne", "labels")
    assert result.status == 2
    assert "pip install 'priorkit[figures]'" in result.err


@pytest.mark.parametrize("by", ["pixels", "features"])
def test_nearest_training_images(cli, runs, by):
    said = told(cli("picture", "nearest", "gan", "-n", 3, "--columns", 4, "--by", by, "--json"))
    assert said.keys() == {"out", "samples", "distance", "held_out_distance"}
    assert said["samples"] == 3
    # Networks that were trained for two steps make no digits, and held-out ones are digits.
    assert by == "features" or said["distance"] > said["held_out_distance"] > 0
    width, height = size("nearest.png")
    assert width == 5 * 72 + 8
    assert height > 3 * 72 + 8


def test_several_runs(cli, runs):
    said = told(cli("picture", "sweep", "labels", "categorical", "gan", "-n", 4, "--columns", 4, "--json"))
    assert said["runs"] == [
        "labels: learned prior, perceptual loss, condition labels, code 4",
        "categorical: learned prior, perceptual loss, condition categorical, code 8",
        "gan: gaussian prior, code 4",
    ]
    _, height = size("sweep.png")
    assert height > 3 * (72 + 8)


def test_data_may_have_moved(cli, tiny):
    random = np.random.default_rng(0)
    Path("before").mkdir()
    np.savez("before/images.npz", images=random.integers(0, 256, (40, 16, 16, 1), dtype=np.uint8))
    data = ["--dataset", "npz", "--data-dir", "before/images.npz"]
    assert cli("train", "learned", *tiny, *data, "--steps", 1, "--out", "run", "--quiet").status == 0
    Path("before").rename("after")
    for kind in ("tsne", "nearest"):
        assert cli("picture", kind, "run", "-n", 3).status == 2
        moved = cli("picture", kind, "run", "-n", 3, "--data-dir", "after/images.npz")
        assert (moved.status, moved.err) == (0, "")


def test_nothing_is_overwritten_unless_asked(cli, runs):
    Path("sweep.png").write_text("precious")
    result = cli("picture", "sweep", "gan")
    assert result.status == 2
    assert "sweep.png already exists and is left as it is" in result.err
    assert Path("sweep.png").read_text() == "precious"
    assert cli("picture", "sweep", "gan", "--overwrite").status == 0
    assert size("sweep.png")[0] > 0


def test_help_needs_no_run(cli, capsys):
    text = cli("picture", "--help").out
    for kind in ("classes", "tsne", "nearest", "sweep"):
        assert f"\n  {kind} " in text
        with pytest.raises(SystemExit) as ended:
            cli("picture", kind, "--help")
        assert ended.value.code == 0
        assert f"priorkit picture {kind}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say first what to draw: the kinds are classes, tsne, nearest, sweep"),
        (["--out", "x.png"], "say first what to draw"),
        (["clases", "labels"], "unknown kind of picture 'clases'; did you mean 'classes'?"),
        (["labels"], "unknown kind of picture 'labels'"),
        (["classes"], "RUN"),
        (["sweep"], "RUN"),
        (["classes", "nowhere"], "no run 'nowhere'"),
        (["sweep", "labels", "nowhere"], "no run 'nowhere'"),
        (["classes", "labels", "gan"], "unknown argument gan"),
        (["classes", "gan"], "this run has no condition: it was trained with --condition none; train one with"),
        (["classes", "gan", "--label", "1"], "'gan' has no classes: it was trained with --condition none"),
        (["classes", "labels", "--label", "11"], "no class '11'"),
        (["classes", "labels", "--label", ""], "no class ''"),
        (["classes", "labels", "--label", "1,,2"], "no class ''"),
        (["classes", "labels", "-n", "99999999999"], "is more than fits into memory at once"),
        (["tsne", "gan"], "this run has no encoder"),
        (["tsne", "labels", "--perplexity", "0"], "expected a number above 0, not '0'"),
        (["tsne", "labels", "--perplexity", "nan"], "expected a number above 0, not 'nan'"),
        (["tsne", "labels", "--data-dir", "."], "reads no folder"),
        (["nearest", "labels", "--by", "colour"], "invalid choice: 'colour'"),
        (["nearest", "labels", "--columns", "9999999999"], "is more than fits into memory at once"),
        (["sweep", "gan", "-n", "99999999999"], "is more than fits into memory at once"),
        (["sweep", "gan", "--out", "x.npz"], "name a file that ends in .png"),
        (["sweep", "gan", "--labl", "1"], "unknown option --labl"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(cli, runs, arguments, message):
    before = sorted(runs.rglob("*"))
    result = cli("picture", *arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert sorted(runs.rglob("*")) == before


def test_samples_of_classes_have_labels(cli, runs):
    with_labels = ["sample", "labels", "-n", 5, "--label", "7,1"]
    assert cli(*with_labels, "--out", "asked.npz").status == 0
    assert cli("sample", "labels", "-n", 600, "--out", "drawn.npz").status == 0
    assert cli("sample", "gan", "-n", 5, "--out", "gan.npz").status == 0
    with np.load("asked.npz") as file:
        assert file["labels"].tolist() == [7, 1, 7, 1, 7]
        assert file["labels"].dtype == np.int64
    with np.load("drawn.npz") as file:
        drawn = file["images"]
        assert set(file["labels"].tolist()) == set(range(10))
        again = ",".join(map(str, file["labels"].tolist()))
    with np.load("gan.npz") as file:
        assert file.files == ["images"]
    # Asked for the classes that were drawn, the same noise makes the same images.
    assert cli("sample", "labels", "-n", 600, "--label", again, "--out", "again.npz").status == 0
    with np.load("again.npz") as file:
        assert np.array_equal(file["images"], drawn)


def test_samples_and_their_labels_are_a_data_set(cli, runs, tiny):
    assert cli("sample", "labels", "-n", 40, "--out", "set.npz").status == 0
    data = ["--dataset", "npz", "--data-dir", "set.npz", "--condition", "labels"]
    trained = cli("train", "learned", *tiny, *data, "--steps", 1, "--out", "second", "--quiet")
    assert (trained.status, trained.err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["labels", "--label", "eight"], "no class 'eight'"),
        (["labels", "--label"], "--label needs a value"),
        (["gan", "--label", "1"], "'gan' has no classes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_samples_of_no_class(cli, runs, arguments, message):
    result = cli("sample", *arguments)
    assert result.status == 2
    assert message in result.err
    assert not Path("samples.png").exists()
