import json
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FLAGS = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --device cpu --precision float32 --samples 0"


def events(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def reproduce(cli):
    return lambda *arguments: cli("reproduce", *arguments, *FLAGS.split())


def test_the_ablation_from_start_to_table(reproduce):
    result = reproduce("table3", "--dataset", "digits", "--steps", 3, "--seeds", 1)
    assert (result.status, result.err) == (0, "")
    for text in ("[4/4] + A + B + C, seed 0", "about 0.9 more than the baseline", "3.69", "6.52"):
        assert text in result.out
    folder = Path("reproductions/table3-digits")
    table = json.loads((folder / "table.json").read_text())
    assert [system["name"] for system in table["systems"]] == ["baseline", "a", "ab", "abc"]
    assert {run["images"] for system in table["systems"] for run in system["runs"]} == {24}
    assert (folder / "samples.png").stat().st_size > 0
    assert "paper: Inception Score" in (folder / "table.md").read_text()


@pytest.mark.whole
def test_several_runs_at_once(cli, tmp_path):
    # Two recipes with two seeds, of which one was trained before.
    common = ("compare", "vae", "aae", "--dataset", "digits", "--steps", 3, "--out", "c", *FLAGS.split())
    first = cli(*common, "--seeds", 1, "--systems", "vae")
    assert (first.status, first.err) == (0, "")
    before = Path("c/vae-seed0/metrics.jsonl").read_bytes()
    result = cli(*common, "--seeds", 2, "--jobs", 2, "--json")
    assert (result.status, result.err) == (0, "")
    told = events(result.out)
    beside = [event for event in told if event["event"] in ("started", "ended")]
    assert len({event["run"] for event in beside}) == 3
    assert len(beside) == 6
    assert [event["event"] for event in told].count("kept") == 4
    assert {system["name"]: len(system["runs"]) for system in told[-1]["systems"]} == {"vae": 2, "aae": 2}
    assert Path("c/vae-seed0/metrics.jsonl").read_bytes() == before


def test_figures_of_classes_and_codes(reproduce):
    result = reproduce(
        "figure10", "--dataset", "digits", "--steps", 2, "--seeds", 1, "--systems", "learned-supervised", "--out", "f"
    )
    assert (result.status, result.err) == (0, "")
    for kind in ("classes", "codes"):
        assert Path(f"f/learned-supervised-{kind}.png").stat().st_size > 0


def test_figures_of_texts(reproduce):
    encoder = ("--text-encoder.dim", 4, "--text-encoder.word-dim", 4, "--text-encoder.length", 6)
    flags = ("--dataset", "digits", "--steps", 3, "--seeds", 1, "--systems", "text-to-image", *encoder)
    for study, kind in (("figure14", "texts"), ("figure15", "sweep")):
        result = reproduce(study, *flags, "--out", study)
        assert (result.status, result.err) == (0, "")
        assert Path(f"{study}/text-to-image-{kind}.png").stat().st_size > 0
    before = Image.open("figure15/text-to-image-sweep.png").size
    # Other texts are drawn of the same runs.
    again = reproduce("figure15", *flags, "--out", "figure15", "--text", "the digit {two, four}")
    assert (again.status, again.err) == (0, "")
    assert "is complete" in again.out
    after = Image.open("figure15/text-to-image-sweep.png").size
    assert (before[0] - 8, after[0] - 8) == (10 * 72, 2 * 72)
    # A text that is not read ends nothing: the pictures show the others.
    name = "text-to-image-sweep.png"
    part = reproduce("figure15", *flags, "--out", "figure15", "--text", "{zzyzx, two, four qqq}")
    assert (part.status, part.err) == (0, "")
    assert f"note: {name}: --text: the text 'zzyzx' has no word that the run's text encoder knows" in part.out
    assert f"note: {name}: --text: 'four qqq': the run's text encoder does not know 'qqq'" in part.out
    assert Image.open(f"figure15/{name}").size[0] - 8 == 2 * 72
    none = reproduce("figure14", *flags, "--out", "figure14", "--text", "zzyzx", "--json")
    assert (none.status, none.err) == (0, "")
    told = [event["message"] for event in events(none.out) if event["event"] == "picture_note"]
    assert [message.split(": ")[0] for message in told] == ["text-to-image-texts.png"] * 2


def test_texts_of_held_out_images_where_none_are_known(reproduce):
    images = np.random.default_rng(0).integers(0, 255, (24, 16, 16), dtype=np.uint8)
    captions = np.array([f"square number {index % 3}" for index in range(24)])
    np.savez("squares.npz", train_images=images, train_captions=captions, test_images=images, test_captions=captions)
    encoder = ("--text-encoder.dim", 4, "--text-encoder.word-dim", 4, "--text-encoder.length", 6)
    data = ("--dataset", "npz", "--data-dir", "squares.npz", "--steps", 3, "--seeds", 1, *encoder)
    result = reproduce("figure14", *data, "--systems", "text-to-image", "--out", "f")
    assert (result.status, result.err) == (0, "")
    # Three texts, each below two rows of eight.
    assert Image.open("f/text-to-image-texts.png").size[1] > 3 * 2 * 72


def test_an_equal_time_for_programs_to_read(reproduce):
    flags = ("--dataset", "digits", "--budget", "1s", "--seeds", 1, "--systems", "aae", "--json", "--out", "s")
    result = reproduce("table1", *flags)
    assert result.status == 0, result.err
    end = events(result.out)[-1]
    assert (end["event"], end["stopped"], end["budget"]) == ("end", None, "1s of training")
    (run,) = end["systems"][0]["runs"]
    assert run["state"] == "complete"
    assert run["seconds"] >= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tabel3", "--dataset", "digits", "--steps", 3), "unknown study 'tabel3'; did you mean 'table3'?"),
        (("--dataset", "digits", "--steps", 3), "name a study: table1"),
        (("table3", "--dataset", "digits", "--steps", 3, "--text", "a"), "--text: table3 draws no texts; leave it out"),
        (
            ("figure15", "--dataset", "npz", "--steps", 3),
            "figure15 has no text for this data set: give one, with alternatives in braces, such as --text",
        ),
        (("figure15", "--steps", 3, "--text", "a"), "'a': put the alternatives for the columns in braces"),
        (("figure14", "--steps", 3, "--text", " "), "--text is empty: say what to draw"),
        (("table3", "--steps", 3), "table3 needs a data set: --dataset NAME (the paper's: cifar10)"),
        (("table3", "--dataset", "digits"), "table3 needs one of --budget TIME and --steps N"),
        (("table3", "--dataset", "digits", "--steps", 3, "--budget", "3s"), "needs one of --budget TIME and --steps N"),
        (("table3", "--dataset", "digits", "--budget", "soon"), "expected a time such as 90s, 8m or 1h30m"),
        (("table3", "--dataset", "digits", "--steps", 0), "expected a whole number of at least 1, not '0'"),
        (("table3", "--dataset", "digitz", "--steps", 3), "unknown data set 'digitz'; did you mean 'digits'?"),
        (("table3", "--dataset", "digits", "--steps", 3, "--prior", "learned"), "--prior is what table3 compares"),
        (("table3", "--dataset", "digits", "--steps", 3, "--seed", 3), "leave out --seed"),
        (("table3", "--dataset", "digits", "--steps", 3, "--systems", "abb"), "did you mean 'ab'?"),
        (("table3", "--dataset", "digits", "--steps", 3, "--bach-size", 3), "did you mean '--batch-size'?"),
        (("figure8", "--dataset", "digits", "--steps", 3), "none for 'digits'; give one with --code-dim"),
    ],
)
def test_mistakes_are_told_in_one_line_and_make_nothing(reproduce, tmp_path, arguments, message):
    result = reproduce(*arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_missing_data_can_be_mended_in_the_same_folder(reproduce):
    flags = ("--steps", 2, "--seeds", 1, "--systems", "ab", "--out", "s")
    result = reproduce("table3", "--dataset", "npz", "--data-dir", "nowhere.npz", *flags)
    assert result.status == 2
    assert "nowhere.npz" in result.err
    assert reproduce("table3", "--dataset", "digits", *flags).status == 0


def test_help_has_the_studies_and_the_settings_of_runs(cli):
    text = cli("reproduce", "--help").out
    for word in ("table1", "figure13", "--budget", "--seeds", "--batch-size", "--networks"):
        assert word in text
    assert "--max-time" not in text


def test_ctrl_c_saves_and_the_same_command_goes_on(reproduce, send_at_step, tmp_path):
    given = ["table3", "--dataset", "digits", "--steps", "9", "--seeds", "1", "--systems", "ab", "--out", "s"]
    given += ["--log-every", "1"]
    with send_at_step(2, signal.SIGINT):
        stopped = reproduce(*given, "--json")
    assert (stopped.status, stopped.err) == (130, "")
    end = events(stopped.out)[-1]
    assert end["stopped"] == "interrupted"
    assert [run["state"] for run in end["systems"][2]["runs"]] == ["stopped"]
    done = reproduce(*given)
    assert (done.status, done.err) == (0, "")
    assert "from step" in done.out
    assert json.loads((tmp_path / "s/table.json").read_text())["systems"][2]["runs"][0]["steps"] == 9
