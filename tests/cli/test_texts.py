"""Runs conditioned on captions, and `priorkit sample --text`."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import priorkit
from clip_folder import write_clip_folder
from priorkit.errors import ConfigurationError
from priorkit.runs import load_run

COLOURS = ("red", "green", "blue")
STAGES = "text-embedding:2,autoencoder+prior-improvement:2"


@pytest.fixture
def captioned(cli, tiny) -> list[str]:
    """Flags of a run on 24 squares, whose captions say their colour."""
    images = np.zeros((24, 16, 16, 3), dtype=np.uint8)
    for index in range(24):
        images[index, :, :, index % 3] = 200 + index
    captions = np.array([[f"a {COLOURS[index % 3]} square", f"this is {COLOURS[index % 3]}"] for index in range(24)])
    held_out = {"test_images": images[:6], "test_captions": captions[:6]}
    np.savez("squares.npz", train_images=images, train_captions=captions, **held_out)
    encoder = ("--text-encoder.dim", "4", "--text-encoder.word-dim", "4", "--text-encoder.length", "6")
    return [*tiny, "--dataset", "npz", "--data-dir", "squares.npz", "--condition", "text", *encoder]


@pytest.fixture
def trained(run_of, captioned) -> Path:
    return run_of("run", "learned", *captioned, "--stages", STAGES)


def test_texts_are_drawn_in_rows(cli, trained):
    done = cli("sample", trained, "--text", "a red square", "--text", "a zebra square", "-n", 3, "--out", "s.png")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "note: 'a zebra square': the run's text encoder does not know 'zebra'",
        "6 samples of 2 texts in s.png",
    ]
    width, height = Image.open("s.png").size
    assert width >= 3 * 72
    assert height > 2 * 72


def test_rows_share_the_noise_and_the_same_seed_gives_the_same(cli, trained):
    for name in "ab":
        cli("sample", trained, "--text", "a red square", "--text", "a red square", "-n", 4, "--out", f"{name}.npz")
    saved = np.load("a.npz")
    assert saved["captions"].tolist() == ["a red square"] * 8
    assert np.array_equal(saved["images"][:4], saved["images"][4:])
    assert np.array_equal(saved["images"], np.load("b.npz")["images"])
    again = load_run(trained).sample(4, text="a red square")
    assert np.array_equal(
        ((again + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy(), saved["images"][:4]
    )


def test_texts_come_from_a_file(cli, trained):
    Path("texts.txt").write_text("a red square\r\n\n  this is blue\n", encoding="utf-8-sig", newline="")
    done = cli("sample", trained, "--text-file", "texts.txt", "--out", "s.npz", "-n", 1)
    assert done.out == "2 samples of 2 texts in s.npz\n"
    assert np.load("s.npz")["captions"].tolist() == ["a red square", "this is blue"]


def test_without_texts_captions_of_the_data_are_drawn(cli, trained):
    assert cli("sample", trained, "-n", 4).status == 0
    assert cli("picture", "classes", trained, "-n", 2, "--columns", 3).status == 0


def test_a_run_resumes_in_the_same_way(cli, captioned):
    flags = (*captioned, "--stages", "text-embedding:2,autoencoder+prior-improvement", "--log-every", 1, "--quiet")
    for name, steps in (("whole", 5), ("part", 3)):
        assert cli("train", "learned", *flags, "--steps", steps, "--out", name).status == 0
    assert cli("train", "--resume", "part", "--steps", 5, "--quiet").status == 0
    whole, resumed = (load_run(name).model.condition.state_dict() for name in ("whole", "part"))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    for name in ("whole", "part"):
        cli("sample", name, "--text", "a red square", "--out", f"{name}.npz")
    assert np.array_equal(np.load("whole.npz")["images"], np.load("part.npz")["images"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--text", " "], '--text is empty: say what to draw, such as --text "this flower is yellow"'),
        (["--text", "?!"], "the text '?!' has no word that the run's text encoder knows"),
        (["--text", "zebra pink"], "the text 'zebra pink' has no word that the run's text encoder knows"),
        (["--text", "a", "--label", "1"], "--label and --text both say what to draw"),
        (["--text-file", "none.txt"], "--text-file 'none.txt' cannot be read: No such file or directory"),
        (["--text-file", "blank.txt"], "--text-file 'blank.txt' has no text; write a text in each line"),
        (["--text-file", "latin.txt"], "--text-file 'latin.txt' is not UTF-8; save it as UTF-8 text"),
        (["--text", "red", "-n", 10**8], "1 texts and -n 100000000 is more than fits into memory at once"),
    ],
)
def test_wrong_texts(cli, trained, arguments, told):
    Path("blank.txt").write_text("\n \n")
    Path("latin.txt").write_bytes("gr\xfcn".encode("latin-1"))
    failed = cli("sample", trained, *arguments)
    assert (failed.status, failed.out, failed.err.count("\n")) == (2, "", 1)
    assert told in failed.err
    assert not Path("samples.png").exists()


def test_runs_that_read_no_texts(cli, tiny, captioned):
    cli("train", "learned", *tiny, "--steps", 1, "--out", "plain", "--quiet")
    failed = cli("sample", "plain", "--text", "a red square")
    assert failed.status == 2
    assert "this run's images are not conditioned on texts: train one with --condition text" in failed.err
    with pytest.raises(ConfigurationError, match="not conditioned on texts"):
        load_run("plain").sample(2, text="a")
    np.savez("plain.npz", images=np.load("squares.npz")["train_images"])
    data = ("--dataset", "npz", "--data-dir", "plain.npz")
    failed = cli("train", "learned", *tiny, *data, "--condition", "text", "--steps", 1)
    assert failed.status == 2
    assert "--condition text: the data has no captions; give them beside the images" in failed.err


def test_one_text_for_all_or_one_each(trained):
    run = priorkit.load_run(trained)
    assert run.sample(2, text=["a red square", "this is blue"]).shape == (2, 3, 16, 16)
    with pytest.raises(ValueError, match="text must be one text, or 3 of them, not 2"):
        run.sample(3, text=["a", "b"])
    with pytest.raises(ConfigurationError, match="labels and text both say what to draw"):
        run.sample(1, labels=1, text="a")


def test_columns_are_the_alternatives_of_a_text(cli, trained):
    done = cli("picture", "text", trained, "this is {red, blue, pink}", "-n", 2)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "note: 'this is pink': the run's text encoder does not know 'pink'",
        "2 rows, 3 columns in text.png",
    ]
    assert Image.open("text.png").size[0] == 3 * 72 + 8


def test_a_fit_has_the_text_encoder_of_the_run(cli, captioned, tiny, trained):
    fit = ("--prior", "flow-matching", "--prior.hidden", 8, "--condition", "text", "--steps", 2, "--batch-size", 8)
    assert cli("fit", trained, *fit, "--out", "fitted", "--quiet") == (0, "fitted\n", "")
    runs = [load_run(name).model.condition.state_dict() for name in (trained, "fitted")]
    assert all(torch.equal(runs[0][key], runs[1][key]) for key in runs[0])
    assert cli("sample", "fitted", "--text", "a red square", "-n", 2).status == 0
    refused = cli("fit", trained, *fit, "--text-encoder", "char-cnn-rnn", "--out", "other")
    assert refused.status == 2
    assert "a fit does not train --text-encoder char-cnn-rnn" in refused.err
    plain = [flag for flag in captioned if flag not in ("--condition", "text")]
    cli("train", "learned", *plain[: plain.index("--text-encoder.dim")], "--steps", 1, "--out", "plain", "--quiet")
    refused = cli("fit", "plain", *fit, "--out", "third")
    assert refused.status == 2
    assert "has not trained it; use --text-encoder static" in refused.err
    assert not Path("third").exists()


def test_scores_of_a_prior_given_captions(cli, trained):
    fit = ("--prior", "autoregressive", "--prior.hidden", 8, "--condition", "text", "--steps", 2, "--batch-size", 8)
    cli("fit", trained, *fit, "--out", "fitted", "--quiet")
    done = cli("evaluate", "fitted", "--scores", "code-log-likelihood", "--json")
    assert (done.status, done.err) == (0, "")
    [score] = [row for row in map(json.loads, done.out.splitlines()) if row.get("name") == "code-log-likelihood"]
    assert (score["note"], np.isfinite(score["value"])) == ("given s", True)


def test_programs_are_told_what_is_not_read(cli, trained):
    done = cli("sample", trained, "--text", "a zebra square", "--text", "red " * 9, "-n", 1, "--out", "s.npz", "--json")
    told = json.loads(done.out)
    assert told["unknown"] == {"a zebra square": ["zebra"]}
    assert told["cut"] == ["red " * 9]


def test_a_stage_for_an_encoder_that_comes_trained_is_refused(cli, captioned):
    pytest.importorskip("wordllama")
    flags = captioned[: captioned.index("--text-encoder.dim")]
    failed = cli("train", "learned", *flags, "--text-encoder", "static", "--stages", STAGES)
    assert failed.status == 2
    assert failed.err.count("\n") == 1
    assert "--stages text-embedding:2: there is no phase 'text-embedding'" in failed.err
    assert "such as the one of a text encoder that is not pretrained; leave this stage out" in failed.err


def test_scores_of_captions(cli, trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PRIORKIT_CACHE", str(tmp_path / "cache"))
    few = ["--scores", "text", "--samples", 40, "--device", "cpu"]
    small = ["--matcher.steps", 2, "--matcher.width", 2, "--matcher.dim", 4]
    done = cli("evaluate", trained, *few, *small)
    assert (done.status, done.err) == (0, "")
    assert "two-tower R-precision" in done.out
    # 6 images have 6 captions, and none of an image's own 2 are distractors of each other.
    assert "ranked among 5 captions (the data has no more); chance 0.2, real images " in done.out
    assert "CLIPScore: the matcher 'two-tower' is no CLIP model; choose one with --matcher" in done.out
    assert "features by two-tower, weights " in done.out
    (kept,) = json.loads(Path("run/scores.json").read_text())["evaluations"]
    assert kept["matcher"]["name"] == "two-tower"
    assert kept["matcher"]["steps"] == 2
    found = {score["name"]: score for score in kept["scores"]}
    assert 0 <= found["r-precision"]["value"] <= 1
    assert found["r-precision"]["references"]["chance"] == pytest.approx(0.2)
    assert len(list((tmp_path / "cache/two-tower").iterdir())) == 1
    cli("evaluate", trained, *few, *small, "--quiet")
    first, second = json.loads(Path("run/scores.json").read_text())["evaluations"]
    assert first["scores"] == second["scores"], "the same seed gives the same scores"
    cli("evaluate", trained, "--scores", "psnr", "--device", "cpu", "--quiet")
    assert json.loads(Path("run/scores.json").read_text())["evaluations"][-1]["matcher"] is None, "it saw nothing"


def test_a_clip_model_as_matcher(cli, trained, tmp_path: Path):
    few = ["--scores", "r-precision,clip-score", "--samples", 8, "--device", "cpu"]
    done = cli("evaluate", trained, *few, "--matcher", "clip", "--matcher.model", tmp_path / "none")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert f"--matcher.model {tmp_path / 'none'}: there is no such folder" in done.err
    pytest.importorskip("transformers")
    write_clip_folder(tmp_path / "clip")
    done = cli("evaluate", trained, *few, "--matcher", "clip", "--matcher.model", tmp_path / "clip")
    assert (done.status, done.err) == (0, "")
    scores = json.loads(Path("run/scores.json").read_text())["evaluations"][-1]["scores"]
    assert [score["value"] is not None for score in scores] == [True, True]
    assert scores[1]["label"] == "CLIPScore"
