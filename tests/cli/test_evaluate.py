"""`priorkit evaluate`."""

import json
from pathlib import Path

import pytest

FEW = ["--samples", 12, "--extractor.steps", 2, "--extractor.epochs", 1, "--extractor.width", 2, "--device", "cpu"]


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PRIORKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


def test_shows_and_keeps_every_score(cli, trained: Path):
    result = cli("evaluate", trained, *FEW)
    assert (result.status, result.err) == (0, "")
    for label in ("classifier IS", "classifier Fréchet distance", "PSNR (dB)", "SSIM", "codes and prior: MMD²"):
        assert f"\n{label} " in result.out
    assert " FID" not in result.out
    assert "12 samples" in result.out
    assert "features by classifier, weights " in result.out
    assert "% of held-out images right" in result.out
    skipped = result.out.partition("\nskipped\n")[2]
    assert "ELBO (nats), importance-weighted bound (nats)" in skipped
    assert "deterministic" in skipped
    assert f"kept in {trained / 'scores.json'}" in result.out
    (kept,) = json.loads((trained / "scores.json").read_text())["evaluations"]
    assert {score["name"] for score in kept["scores"]} > {"elbo", "psnr"}
    report = (trained / "report.html").read_text()
    assert "PSNR (dB)</th>" in report
    cli("evaluate", trained, *FEW, "--scores", "psnr", "--quiet", "--checkpoint", "best")
    both = json.loads((trained / "scores.json").read_text())["evaluations"]
    assert both[0] == kept
    assert [score["name"] for score in both[1]["scores"]] == ["psnr"]


def test_json(cli, trained: Path):
    result = cli("evaluate", trained, *FEW, "--scores", "psnr,elbo", "--json", "--out", "mine.json")
    assert result.status == 0
    psnr, elbo, end = (json.loads(line) for line in result.out.splitlines())
    assert psnr["value"] > 0
    assert elbo["value"] is None
    assert elbo["note"]
    assert end["event"] == "end"
    assert end["out"] == "mine.json"
    assert json.loads(Path("mine.json").read_text())["evaluations"][0]["scores"] == [psnr, elbo]
    assert not (trained / "scores.json").exists()
    assert "PSNR" not in (trained / "report.html").read_text()


@pytest.mark.parametrize("distance", [-0.001, 0.001])
def test_a_distance_below_zero_is_explained(cli, trained: Path, monkeypatch: pytest.MonkeyPatch, distance: float):
    monkeypatch.setattr("priorkit.evaluation.sample_scores.kernel_distance", lambda *_, **__: (distance, 0.002))
    out = cli("evaluate", trained, *FEW, "--scores", "kernel-distance").out
    note = "classifier kernel distance: an unbiased estimate; below 0 means not distinguishable from 0"
    assert out.count(note) == (distance < 0)


def test_help_lists_scores_and_options(cli):
    text = cli("evaluate", "--help").out
    names = "classifier, clip, inception, torchscript, two-tower"
    for words in ("--extractor.weights", "--extractor.file", names, "--matcher NAME", "frechet-distance"):
        assert words in text
    assert "--matcher.steps" not in text, "they are the extractors' options once more"
    assert "  likelihood: elbo, " in text


def test_options_of_one_name_mean_what_the_chosen_extractor_says(cli, trained: Path):
    text = cli("evaluate", "--help").out
    of = {
        name: text.partition(f"feature extractor {name}:\n")[2].partition("\n\n")[0]
        for name in ("classifier", "two-tower")
    }
    assert "--extractor.steps INT" in of["classifier"]
    assert "or none; default none]" in of["classifier"]
    assert "default 600]" in of["two-tower"]
    # The classifier takes none, and two-tower does not.
    few = [*FEW, "--scores", "precision"]
    assert cli("evaluate", trained, *few, "--extractor.steps", "none").status == 0
    result = cli("evaluate", trained, *few, "--matcher.steps", "none")
    assert result.status == 2
    assert "--matcher.steps: input should be a valid integer" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "no run 'none': there is no such folder"),
        (["trained", "--scores", "psrn"], "unknown score 'psrn'; did you mean 'psnr'?"),
        (["trained", "--samples", "1"], "expected a whole number of at least 2, not '1'"),
        (["trained", "--samples", "many"], "expected a whole number of at least 2, not 'many'"),
        (["trained", "--extractor", "clasifier"], "unknown feature extractor 'clasifier'; did you mean 'classifier'?"),
        (["trained", "--extractor.file", "x"], "--extractor.file: extractor 'classifier' has no option 'file'"),
        (["trained", "--extractor", "torchscript"], "name its file with --extractor.file"),
        (
            ["trained", "--extractor", "torchscript", "--extractor.file", "x"],
            "/x: there is no such file",
        ),
        (["trained", "--extractor", "inception", "--extractor.weights", "x"], "there is no such file"),
        (["trained", "--extractor.rgb"], "extractor 'classifier' has no option 'rgb'"),
        (["trained", "--matcher", "two-towers"], "unknown feature extractor 'two-towers'; did you mean 'two-tower'?"),
        (
            ["trained", "--matcher", "classifier"],
            "--matcher classifier: this feature extractor reads no texts; use one of: clip, two-tower",
        ),
        (["trained", "--matcher.stepz", "1"], "unknown option --matcher.stepz; did you mean '--matcher.steps'?"),
        (["trained", "--matcher.steps", "0"], "--matcher.steps: input should be greater than or equal to 1"),
        (["trained", "--matcher.file", "x"], "--matcher.file: extractor 'two-tower' has no option 'file'"),
        (["trained", "--sampels", "12"], "unknown option --sampels; did you mean '--samples'?"),
        (["trained", "--device", "gpu"], "expected auto, cpu, cuda, cuda:N or mps"),
        (["trained", "--checkpoint", "first"], "invalid choice: 'first'"),
        (["trained", "--against", "test"], "invalid choice: 'test'"),
        (["trained", "--out", "trained/config.toml"], "holds no evaluations by priorkit"),
        (["trained", "--out", "trained"], "cannot read the scores 'trained'"),
        ([], "required: RUN"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line(cli, trained: Path, arguments, message):
    result = cli("evaluate", *arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not (trained / "scores.json").exists()
    assert "PSNR" not in (trained / "report.html").read_text()


def test_ctrl_c_keeps_nothing(cli, trained: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr("priorkit.evaluation.model_scores.score_codes", interrupt)
    result = cli("evaluate", trained, *FEW)
    assert result.status == 130
    assert result.err == "priorkit: interrupted\n"
    assert not (trained / "scores.json").exists()
    assert "PSNR" not in (trained / "report.html").read_text()


def test_scores_while_training(cli, tiny):
    flags = [*FEW[2:8], "--evaluate-every", 2, "--evaluate-samples", 8]
    assert cli("train", *tiny, "--steps", 2, "--out", "run", *flags).status == 0
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert any("score/classifier_recall" in row for row in rows)
