import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from priorkit.cli import train

RUN = "runs/vae-digits-001"


def weights(run):
    folder = json.loads((Path(run) / "checkpoints/last.json").read_text())["checkpoint"]
    return load_file(Path(run) / "checkpoints" / folder / "weights.safetensors")


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def events(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_first_command_as_a_user_runs_it(cli, tiny, tmp_path):
    command = [sys.executable, "-m", "priorkit", "train", "--prior", "learned", "--loss", "perceptual"]
    done = subprocess.run([*command, *tiny, "--steps", "3"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    run = tmp_path / "runs/learned-digits-001"
    for part in ("config.toml", "environment.json", "metrics.jsonl", "report.html", "samples/samples-00000003.png"):
        assert (run / part).stat().st_size > 0
    assert "held-out sample distance" in done.stdout
    assert "1617 images to train on, 180 held out, 16x16, grey" in done.stdout
    assert "runs/learned-digits-002" in cli(*command[3:], *tiny, "--steps", 1).out


@pytest.mark.parametrize("recipe", ["learned", "aae", "vae"])
def test_every_recipe_trains_with_the_networks_of_the_paper(cli, recipe):
    flags = "--networks.width 2 --image-size 16 --steps 2 --batch-size 32 --sample-every 1 --device cpu"
    result = cli("train", recipe, *flags.split(), "--out", "run", "--json")
    assert result.status == 0, result.err
    end = events(result.out)[-1]
    assert (end["event"], end["steps"], end["images"], end["stopped"]) == ("end", 2, 64, None)
    assert {"reconstruction_error", "sample_distance"} == end["scores"].keys()


def test_programs_are_told_where_a_run_lies_and_its_steps_in_whole_numbers(cli, tiny):
    for arguments in (
        ("train", "vae", *tiny, "--steps", 2, "--sample-every", 1),
        ("train", "--resume", RUN, "--steps", 3),
    ):
        start, *others, end = events(cli(*arguments, "--json").out)
        assert (start["event"], start["run"], end["run"]) == ("start", RUN, RUN)
        assert type(end["best"]["step"]) is int
        assert all(type(event["step"]) is int for event in (start, *others))


def test_a_quiet_training_prints_the_run_folder(cli, tiny):
    assert cli("train", "vae", *tiny, "--steps", 1, "--quiet") == (0, f"{RUN}\n", "")
    assert cli("sample", RUN, "-n", 2, "--device", "cpu", "--quiet") == (0, "samples.png\n", "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["vae"], "prior gaussian, encoder gaussian, regularizer kl, reconstruction loss pixel, networks mlp"),
        (
            ["vae", "--regularizer", "none"],
            "prior gaussian, encoder gaussian, reconstruction loss pixel, networks mlp",
        ),
        (
            ["learned", "--loss", "pixel"],
            "prior learned, code generator mlp, encoder deterministic, regularizer adversarial, reconstruction loss "
            "pixel, adversarial loss non-saturating, networks mlp",
        ),
        (["dcgan"], "prior uniform, adversarial loss non-saturating, networks mlp"),
    ],
)
def test_the_first_line_names_what_takes_part(cli, tiny, arguments, line):
    assert cli("train", *arguments, *tiny, "--steps", 1, "--out", "run").out.startswith(f"training run: {line}\n")


def test_a_sample_distance_below_zero_is_explained_once(cli, tiny, monkeypatch):
    monkeypatch.setattr("priorkit.training.review.energy_distance", lambda *_: -0.0003)
    text = cli("train", "vae", *tiny, "--steps", 2, "--sample-every", 1, "--out", "run").out
    explained = "below 0 means not distinguishable from 0"
    assert f"held-out sample distance       -0.0003 (an unbiased estimate; {explained})" in text
    assert text.count(explained) == 1
    compared = cli("compare", "run", "--device", "cpu").out
    assert f"held-out sample distance: an unbiased estimate; {explained}" in compared
    assert explained in Path("comparison/comparison.md").read_text()


def test_a_best_distance_below_zero_is_explained_where_the_last_is_above(cli, tiny, monkeypatch):
    distances = iter([-0.0003, 0.0004])
    monkeypatch.setattr("priorkit.training.review.energy_distance", lambda *_: next(distances))
    text = cli("train", "vae", *tiny, "--steps", 2, "--sample-every", 1, "--out", "run").out
    explained = "an unbiased estimate; below 0 means not distinguishable from 0"
    assert f"-0.0003 at step 1 ({explained})" in text
    assert text.count(explained) == 1


def test_five_steps_and_five_more_are_ten(cli, tiny):
    for prior in ("learned", "gaussian"):
        assert cli("train", "--prior", prior, *tiny, "--steps", 10, "--out", f"{prior}-10", "--quiet").status == 0
        assert cli("train", "--prior", prior, *tiny, "--steps", 5, "--out", f"{prior}-5", "--quiet").status == 0
        assert cli("train", "--resume", f"{prior}-5", "--steps", 10, "--quiet").status == 0
        assert same(weights(f"{prior}-5"), weights(f"{prior}-10"))


def test_the_saved_configuration_trains_the_same_run_again(cli, tiny):
    flags = ["--prior.noise-dim", 3, "--loss", "pixel", "--seed", 5, "--learning-rates.encoder", "1e-3"]
    assert cli("train", *tiny, *flags, "--steps", 3, "--out", "first", "--quiet").status == 0
    assert cli("train", "first/config.toml", "--out", "second", "--quiet").status == 0
    assert same(weights("first"), weights("second"))
    assert Path("first/config.toml").read_text() == Path("second/config.toml").read_text()
    assert cli("train", "first/config.toml", "--seed", 6, "--out", "third", "--quiet").status == 0
    assert not same(weights("first"), weights("third"))


def test_limits_of_length(cli, tiny):
    by_epochs = cli("train", *tiny, "--epochs", "0.02", "--out", "epochs", "--json")
    assert events(by_epochs.out)[-1]["steps"] == round(0.02 * 1617 / 8)
    by_time = cli("train", *tiny, "--max-time", "1.5s", "--out", "time", "--json")
    assert 1.5 <= events(by_time.out)[-1]["seconds"] < 10


def test_metrics_and_pictures_on_schedule(cli, tiny):
    flags = ("--log-every", 2, "--sample-every", 3, "--checkpoint-every", 4, "--steps", 7)
    assert cli("train", *tiny, *flags, "--out", "run", "--quiet").status == 0
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss/autoencoder/reconstruction" in row] == [2, 4, 6, 7]
    assert [row["step"] for row in rows if "held_out/sample_distance" in row] == [3, 6, 7]
    assert [row["images"] for row in rows] == [8 * row["step"] for row in rows]
    pictures = sorted(path.name for path in Path("run/samples").iterdir())
    assert pictures == sorted(f"{kind}-{step:08d}.png" for kind in ("samples", "reconstructions") for step in (3, 6, 7))


def test_plain_lines_say_what_happens(cli, tiny):
    out = cli("train", "vae", *tiny, "--steps", 2, "--out", "run").out
    assert "training run: prior gaussian" in out
    # No condition has asked for it.
    assert "text encoder" not in out
    assert "priorkit sample run" in out
    assert "\x1b" not in out


def test_collapse_is_told_once_wherever_one_looks(cli, tiny):
    heavy = ("--regularizer.weight", 1000, "--learning-rate", 0.003, "--average", 0, "--sample-every", 100)
    shown = cli("train", "vae", *tiny, *heavy, "--steps", 900, "--out", "run", "--json")
    assert shown.status == 0
    lines = [line for line in shown.err.splitlines() if "posterior collapse" in line]
    assert len(lines) == 1
    assert re.fullmatch(r"priorkit: warning: step \d+: posterior collapse: 0% of .* To try: .*", lines[0])
    told = [event for event in events(shown.out) if event["event"] == "symptom"]
    assert [(each["symptom"], each["of"], each["value"]) for each in told if "posterior" in each["symptom"]] == [
        ("posterior-collapse", "", 0.0)
    ]
    assert "posterior collapse: 0% of" in Path("run/report.html").read_text()


@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_stopping_saves_and_resuming_goes_on(cli, tiny, send_at_step, number, status, word):
    """In this process; test_streaming.py stops one that a user started."""
    flags = [*tiny, "--log-every", "1", "--sample-every", "100000"]
    with send_at_step(3, number):
        stopped = cli("train", *flags, "--max-time", "2m", "--out", "run", "--json")
    assert (stopped.status, stopped.err) == (status, "")
    end = events(stopped.out)[-1]
    assert end["stopped"] == word
    steps = end["steps"]
    assert steps == 3
    assert cli("train", "--resume", "run", "--steps", steps + 2, "--quiet").status == 0
    assert cli("train", *flags, "--steps", steps + 2, "--out", "straight", "--quiet").status == 0
    assert same(weights("run"), weights("straight"))


def test_divergence_ends_with_status_1_and_keeps_the_last_good_checkpoint(cli, tiny):
    assert cli("train", "aae", *tiny, "--steps", 2, "--out", "good", "--quiet").status == 0
    flags = ("--optimizer", "sgd", "--learning-rate", "1e30", "--log-every", 1, "--steps", 20)
    result = cli("train", "aae", *tiny, *flags, "--out", "run")
    assert result.status == 1
    assert "training diverged; try a lower --learning-rate" in result.err
    assert result.err.count("\n") == 1


MISTAKES = {
    "unknown component": (["--prior", "lerned"], "did you mean 'learned'?"),
    "unknown option": (["--prior.noise", "3"], "unknown option --prior.noise"),
    "wrong type": (["--prior.noise-dim", "x"], "--prior.noise-dim: input should be a valid integer"),
    "wrong range": (["--prior.noise-dim", "0"], "--prior.noise-dim: input should be greater than or equal to 1"),
    "contradicting recipe": (
        ["vae", "--encoder", "deterministic"],
        "(regularizer chosen by 'vae'; you chose another --encoder, --networks)",
    ),
    "kl without a density": (["vae", "--prior", "learned"], "can only be sampled"),
    "missing layer": (["--loss.layer", "9"], "--loss perceptual"),
    "missing data folder": (["--dataset", "folder", "--data-dir", "nowhere"], "nowhere"),
    "no data folder": (["--dataset", "folder"], "--data-dir"),
    "batch larger than the data": (["--batch-size", "5000"], "--batch-size 5000 is more than the 1617 training images"),
    "image size": (["--image-size", "33"], "--image-size 32"),
    "no cuda": (["--device", "cuda:7"], "--device cuda:7"),
    "out is a file": (["--out", "taken.txt"], "'taken.txt' already exists"),
    "out is a run": (["--out", "taken"], "'taken' already exists and is left as it is"),
    "out below a file": (["--out", "taken.txt/run"], "taken.txt"),
    "resume nothing": (["--resume", "nowhere"], "no run 'nowhere'"),
    "resume no run": (["--resume", "taken"], "'taken' is not a run"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing_behind(cli, tiny, mistake):
    Path("taken").mkdir()
    Path("taken/thesis.txt").write_text("precious")
    Path("taken.txt").write_text("precious")
    arguments, message = MISTAKES[mistake]
    command = [*tiny, *arguments] if "--resume" not in arguments else arguments
    result = cli("train", *command, "--steps", 2) if "--resume" not in arguments else cli("train", *command)
    assert result.status == 2, result.out
    assert message in result.err
    assert result.err.startswith("priorkit: ")
    assert result.err.count("\n") == 1
    assert sorted(str(path) for path in Path().rglob("*")) == ["taken", "taken.txt", "taken/thesis.txt"]


def images(folder, sizes, mode="L"):
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, size in enumerate(sizes):
        Image.new(mode, (size, size), 100).save(Path(folder) / f"{number}.png")


def _empty_folder():
    Path("data").mkdir()


def _corrupt_image():
    images("data", [16, 16])
    Path("data/1.png").write_bytes(Path("data/1.png").read_bytes()[:40])


DATA_MISTAKES = {
    "empty folder": (_empty_folder, ["folder"], "data"),
    "corrupt image": (_corrupt_image, ["folder"], "1.png"),
    "npz without images": (lambda: np.savez("data", pictures=np.zeros((4, 16, 16), np.uint8)), ["npz"], "pictures"),
    "npz of floats": (lambda: np.savez("data", images=np.zeros((4, 16, 16), np.float32)), ["npz"], "float32"),
    "npz of another shape": (lambda: np.savez("data", images=np.zeros((4, 16), np.uint8)), ["npz"], "(4, 16)"),
}


@pytest.mark.parametrize("mistake", DATA_MISTAKES)
def test_broken_data_is_explained(cli, mistake):
    make, (dataset,), message = DATA_MISTAKES[mistake]
    make()
    before = sorted(Path().rglob("*"))
    path = "data.npz" if dataset == "npz" else "data"
    result = cli("train", "--dataset", dataset, "--data-dir", path, "--batch-size", 2, "--steps", 1)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


def test_missing_downloads_are_named(cli):
    Path("data").mkdir()
    result = cli("train", "--dataset", "mnist", "--data-dir", "data", "--no-dataset.download", "--steps", 1)
    assert result.status == 2
    assert "train-images-idx3-ubyte" in result.err
    assert result.err.count("\n") == 1


def test_a_run_is_not_overwritten(cli, trained, tiny):
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    result = cli("train", *tiny, "--steps", 1, "--out", trained)
    assert result.status == 2
    assert f"priorkit train --resume {trained}" in result.err
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_resuming_refuses_another_configuration(cli, trained):
    result = cli("train", "--resume", trained, "--prior", "gaussian")
    assert result.status == 2
    assert "--prior would change it" in result.err
    edited = (trained / "config.toml").read_text().replace("seed = 0", "seed = 1")
    (trained / "config.toml").write_text(edited)
    result = cli("train", "--resume", trained, "--steps", 9)
    assert result.status == 2
    assert "was changed since the run started: seed was 0 and is now 1" in result.err


def test_resuming_without_the_plugin_that_the_run_used(cli, trained):
    environment = json.loads((trained / "environment.json").read_text())
    environment["components"]["prior"] = {"name": "exotic", "distribution": "priorkit-exotic", "version": "2.1"}
    (trained / "environment.json").write_text(json.dumps(environment))
    result = cli("train", "--resume", trained, "--steps", 9)
    assert result.status == 2
    assert "prior 'exotic' of priorkit-exotic 2.1" in result.err


def test_a_full_disk_is_one_line_and_keeps_the_last_checkpoint(cli, trained, monkeypatch):
    before = weights(trained)

    def full(*_, **__):
        raise OSError(28, "No space left on device", "weights.safetensors")

    monkeypatch.setattr("priorkit.engine.checkpoint_files.to_safetensors", full)
    result = cli("train", "--resume", trained, "--steps", 6)
    assert result.status == 2
    assert "No space left on device; free some space" in result.err
    assert result.err.count("\n") == 1
    assert same(weights(trained), before)
    assert not list((trained / "checkpoints").glob(".draft*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(cli, tiny):
    Path("locked").mkdir(mode=0o500)
    result = cli("train", *tiny, "--steps", 1, "--out", "locked/run")
    assert result.status == 2
    assert "choose a folder that you may write to" in result.err


def test_no_permission_is_one_line(cli, tiny, monkeypatch):
    real = Path.mkdir

    def locked(self, *arguments, **options):
        if "run" in self.name:
            raise PermissionError(13, "Permission denied", str(self))
        real(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", locked)
    result = cli("train", *tiny, "--steps", 1, "--out", "run")
    assert result.status == 2
    assert "cannot make the run folder" in result.err
    assert "choose a folder that you may write to" in result.err


def test_images_of_other_sizes_are_brought_to_one_and_the_run_says_so(cli):
    images("data/train/a", [28] * 6, "RGB")
    images("data/test/a", [28] * 3, "RGB")
    flags = ("--dataset", "folder", "--data-dir", "data", "--networks.width", 2, "--batch-size", 4, "--steps", 1)
    result = cli("train", *flags, "--out", "run")
    assert result.status == 0, result.err
    assert "28x28" in result.out
    assert "6 images to train on, 3 held out, 32x32, colour" in result.out


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["cat", "dog"], "  2 classes: cat, dog\n"),
        (["cat"], "  1 class: cat\n"),
        ([f"{number:02}" for number in range(21)], f"  21 classes: {', '.join(f'{n:02}' for n in range(20))}, ...\n"),
    ],
)
def test_the_classes_are_printed(cli, tiny, names, said):
    for name in names:
        images(f"data/{name}", [16] * 12 if len(names) < 3 else [16] * 2, "L")
    result = cli("train", "vae", *tiny, "--dataset", "folder", "--data-dir", "data", "--steps", 1)
    assert result.status == 0, result.err
    assert said in result.out


def test_a_run_announces_the_folder_that_it_has(cli, tiny, monkeypatch):
    real = train.run_and_tell

    def overtaken(run, asked):
        # Another run that started at the same time has taken the folder that was free.
        Path("runs/vae-digits-001/samples").mkdir(parents=True)
        return real(run, asked)

    monkeypatch.setattr(train, "run_and_tell", overtaken)
    result = cli("train", "vae", *tiny, "--steps", 1)
    assert result.status == 0, result.err
    assert "training runs/vae-digits-002: " in result.out
    assert "-001" not in result.out


def test_wall_clock_of_a_resumed_run_adds_up(cli, trained):
    first = json.loads((trained / "metrics.jsonl").read_text().splitlines()[-1])["seconds"]
    time.sleep(0.2)
    assert cli("train", "--resume", trained, "--steps", 6, "--quiet").status == 0
    second = json.loads((trained / "metrics.jsonl").read_text().splitlines()[-1])["seconds"]
    assert second > first


def test_stages_are_announced_one_after_the_other(cli, tiny):
    stages = ["--stages", "autoencoder:2,code-fitting:1", "--prior", "full-gaussian", "--regularizer", "none"]
    told = cli("train", "aae", *stages, *tiny, "--out", "wrong")
    assert told.status == 0, told.err
    first, second = (line for line in told.out.splitlines() if line.startswith("stage "))
    assert (first, second) == ("stage 1 of 2: autoencoder, on images", "stage 2 of 2: code fitting, on all codes")
    assert re.search(r"steps +3 ", told.out)


def test_steps_train_the_autoencoder_of_a_recipe_whose_last_stage_has_one(cli, tiny):
    told = cli("train", "rae-l2", *tiny, "--steps", "4", "--json", "--out", "run")
    assert told.status == 0, told.err
    entered = [(event["stage"], event["step"]) for event in events(told.out) if event["event"] == "stage"]
    assert entered == [(1, 0), (2, 3)]
    assert events(told.out)[-1]["steps"] == 4


def test_steps_that_a_last_stage_cannot_take_are_refused(cli, tiny):
    chosen = ["--prior", "full-gaussian", "--regularizer", "none", *tiny]
    stages = ["--stages", "autoencoder:2,code-fitting"]
    refused = cli("train", "aae", *chosen, *stages, "--steps", "9", "--out", "run")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "the run ends after step 3; to train longer before" in refused.err
    assert "--stages autoencoder:8,code-fitting:1\n" in refused.err
    assert not Path("run").exists()
    # Without --steps, nobody has asked for more.
    assert cli("train", "aae", *chosen, *stages, "--out", "run", "--quiet").status == 0


def test_a_stage_that_the_time_did_not_suffice_for_is_told(cli, tiny):
    chosen = ["--prior", "full-gaussian", "--regularizer", "none", *tiny]
    stages = ["--stages", "autoencoder:30,code-fitting:1"]
    told = cli("train", "aae", *chosen, *stages, "--max-time", "0.01s", "--out", "run")
    assert told.status == 0, told.err
    assert "the time was up before the stage code-fitting, which was not trained" in told.out
    assert told.out.endswith("priorkit train --resume run --steps 31\n")
    refused = cli("train", "--resume", "run", "--steps", "900")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "the run ends after step 31" in refused.err
    told = cli("train", "--resume", "run", "--steps", "31", "--json")
    assert told.status == 0, told.err
    assert (events(told.out)[-1]["steps"], events(told.out)[-1]["missed"]) == (31, [])


def test_a_list_of_phases_is_told(cli, tiny):
    told = cli("train", "aae", "--phases", "autoencoder", *tiny, "--steps", "1", "--out", "run")
    assert told.status == 0, told.err
    assert "phases autoencoder" in told.out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--phases", "autoencodr"], "unknown phase 'autoencodr'; did you mean 'autoencoder'?"),
        (["--phases.energy.weight", "3"], "unknown option --phases.energy.weight"),
        (["--stages", "autoencoder,code-fitting"], "--stages: stages 1 (autoencoder) and 2 (code-fitting) have no"),
        (["--stages", "autoencoder:1,code-fitting", "--steps", "1"], "--steps 1: the run ends before its last stage"),
        (["--stages", "autoencoder:1,energy:1"], "there is no phase 'energy'"),
    ],
)
def test_mistakes_in_phases_and_stages(cli, arguments, told, tiny):
    found = cli("train", "aae", *arguments, *tiny, "--out", "run")
    assert found.status == 2
    assert told in found.err
    assert found.err.count("\n") == 1
    assert not Path("run").exists()


def test_a_staged_run_goes_on_in_its_second_stage(cli, tiny):
    chosen = ["--stages", "autoencoder:2,code-fitting", "--prior", "flow-matching", "--regularizer", "none"]
    assert cli("train", "aae", *chosen, *tiny, "--steps", "4", "--out", "run").status == 0
    config = Path("run/config.toml").read_text(encoding="utf-8")
    for limit, told in [("--steps", "the run ends before its last stage"), ("--epochs", "is counted in steps")]:
        refused = cli("train", "--resume", "run", limit, "2")
        assert refused.status == 2
        assert told in refused.err
        assert Path("run/config.toml").read_text(encoding="utf-8") == config
    assert cli("train", "--resume", "run", "--steps", "6", "--quiet").status == 0
    assert cli("fit", "run", "--prior", "full-gaussian", *tiny[-2:], "--out", "fitted", "--quiet").status == 0
    stages = ["--stages", "code-fitting:2,code-fitting:3"]
    assert cli("fit", "run", *stages, "--out", "two", "--quiet").status == 0
    rows = [json.loads(line) for line in Path("two/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[-1]["step"] == 5
    refused = cli("train", "--resume", "fitted", "--steps", "9")
    assert refused.status == 2
    assert "there is nothing to prolong" in refused.err
