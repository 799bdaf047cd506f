"""`priorkit fit --codes`, and `priorkit sample` of what it has made."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

CODES = np.random.default_rng(0).normal(3, 2, size=(40, 4)).astype(np.float32)
FAST = ("--prior.hidden", 8, "--prior.layers", 1, "--batch-size", 8, "--device", "cpu")


@pytest.fixture(autouse=True)
def codes(cli):
    np.savez("codes.npz", codes=CODES, labels=np.arange(40) % 2 * 7)
    np.savez("vectors.npz", codes=CODES, conditions=CODES[:, :2])
    np.savez("other.npz", z=CODES)
    np.savez("alike.npz", codes=np.ones((40, 8)))
    np.savez("nan.npz", codes=np.where(CODES > 5, np.nan, CODES))
    np.save("indices.npy", np.arange(40).reshape(20, 2))


def test_fits_samples_and_resumes(cli):
    done = cli("fit", "--codes", "codes.npz", *FAST, "--steps", 3, "--log-every", 1, "--out", "prior")
    assert (done.status, done.err) == (0, "")
    assert "40 codes, vectors of shape (4,)" in done.out
    assert "its labels are not used; --condition labels" in done.out
    assert len(Path("prior/metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    assert cli("fit", "--resume", "prior", "--steps", 5, "--quiet") == (0, "prior\n", "")
    assert cli("sample", "prior", "-n", 6, "--seed", 3, "--out", "a.npz").out == "6 codes in a.npz\n"
    assert cli("sample", "prior", "-n", 6, "--seed", 3, "--out", "b.npz", "--quiet").status == 0
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()
    assert np.load("a.npz")["codes"].shape == (6, 4)
    assert np.load("a.npz")["codes"].dtype == np.float32


def test_nothing_is_overwritten(cli):
    cli("fit", "--codes", "codes.npz", "--prior", "full-gaussian", "--device", "cpu", "--out", "prior")
    failed = cli("sample", "prior")
    assert (failed.status, failed.err.count("\n")) == (2, 1)
    assert "--out codes.npz already exists" in failed.err
    Path("codes.npz").unlink()
    assert cli("sample", "prior", "--quiet").status == 0
    assert np.load("codes.npz")["codes"].shape == (64, 4)


def test_classes_and_vectors_condition(cli):
    assert cli("fit", "--codes", "codes.npz", *FAST, "--steps", 1, "--condition", "labels", "--out", "p").status == 0
    assert cli("sample", "p", "-n", 5, "--label", "7,0", "--out", "s.npz").status == 0
    assert np.load("s.npz")["labels"].tolist() == [7, 0, 7, 0, 7]
    told = cli("fit", "--codes", "vectors.npz", *FAST, "--steps", 1, "--condition", "embedding", "--out", "v").out
    assert "conditioned on vectors of 2 dimensions" in told
    assert cli("fit", "--resume", "v", "--codes", "vectors.npz", "--steps", 2, "--quiet").status == 0
    assert cli("sample", "v", "-n", 5, "--out", "t.npz").status == 0
    assert np.load("t.npz")["conditions"].shape == (5, 2)


def test_a_name_is_found_where_none_is_given(cli):
    events = cli(
        "fit", "--codes", "codes.npz", "--prior", "full-gaussian", "--device", "cpu", "--json"
    ).out.splitlines()
    end = json.loads(events[-1])
    assert (end["event"], Path(end["prior"]).as_posix()) == ("end", "priors/full-gaussian-codes-001")


def test_the_help_has_the_options_of_such_a_fit(cli):
    told = " ".join(cli("fit", "--codes", "codes.npz", "--prior", "full-gaussian", "--help").out.split())
    for shown in ("--codes FILE", "--prior.ridge", "--resume PRIOR", "--batch-size", "float > 0; default 0.001"):
        assert shown in told
    for hidden in ("--networks ", "--dataset", "--checkpoint NAME", "--stages", "--critic-steps", " RUN "):
        assert hidden not in told
    assert "priorkit fit --codes FILE" in cli("fit", "--help").out


def test_the_help_answers_without_torch():
    code = (
        "import sys; from priorkit.cli import main; main(['fit', '--codes', 'c.npz', '--help']); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fit", "--codes", "codes.npz", "runs/vae"], "'runs/vae' names a run"),
        (["fit", "--entries", "3"], "the codes are missing; name their file"),
        (["fit", "--codes", "nowhere.npz"], "there is no such file"),
        (["fit", "--codes", "other.npz"], "it has no array `codes`, but z"),
        (["fit", "--codes", "nan.npz"], "is nan (row"),
        (["fit", "--codes", "alike.npz"], "--codes alike.npz: all 8 dimensions of the codes are constant"),
        (["fit", "--codes", "indices.npy"], "give --codes-kind vectors for measurements, or --entries K"),
        (["fit", "--codes", "indices.npy", "--entries", "40"], "it is a prior of vectors or maps, but these codes are"),
        (["fit", "--codes", "indices.npy", "--entries", "one"], "--entries one: expected a whole number"),
        (["fit", "--codes", "codes.npz", "--out", "nan.npz"], "'nan.npz' already exists"),
        (["fit", "--codes", "codes.npz", "--batch-size", "99"], "--batch-size 99 is more than the 40 codes"),
        (["fit", "--codes", "codes.npz", "--prior", "uniform"], "--prior uniform: it has nothing to learn"),
        (["fit", "--codes", "codes.npz", "--dataset", "mnist"], "--dataset: a fit to given codes has no images"),
        (["fit", "--codes", "codes.npz", "--condition", "embedding"], "has no array 'conditions' beside its codes"),
        (["fit", "--resume", "nowhere"], "'nowhere' is not a prior"),
        (["fit", "--resume", "x", "--entries", "3"], "--entries: the folder of the fit records this already"),
    ],
)
def test_mistakes_are_one_line(arguments, told, cli):
    failed = cli(*arguments)
    assert failed.status == 2
    assert told in failed.err
    assert failed.err.count("\n") == 1


def test_a_prior_without_a_run_is_no_run(cli, tiny):
    cli("fit", "--codes", "codes.npz", "--prior", "full-gaussian", "--device", "cpu", "--out", "prior")
    for command in (
        ["train", "--resume", "prior"],
        ["evaluate", "prior"],
        ["fit", "prior"],
        ["reconstruct", "prior"],
    ):
        failed = cli(*command)
        assert (failed.status, failed.err.count("\n")) == (2, 1)
        assert "is a prior that was fitted to given codes: it has no images" in failed.err
    for flags, told in (
        (["--label", "3"], "was not fitted with classes"),
        (["--out", "x.png"], "ends in .npz or .npy"),
        (["--checkpoint", "best"], "--checkpoint best"),
        (["--columns", "3"], "--columns: 'prior' is a prior without a run; leave it out"),
        (["-n", "999999999"], "more than fits into memory"),
    ):
        failed = cli("sample", "prior", "--overwrite", *flags)
        assert (failed.status, failed.err.count("\n")) == (2, 1)
        assert told in failed.err
    assert cli("train", "vae", *tiny, "--steps", 1, "--out", "vae", "--quiet").status == 0
    assert "is a run; resume it by priorkit train --resume vae" in cli("fit", "--resume", "vae").err


def test_what_is_wrong_with_codes_names_their_file(cli):
    failed = cli("fit", "--codes", "nan.npz", *FAST, "--steps", 1)
    assert (failed.status, failed.err.count("\n")) == (2, 1)
    assert "--codes nan.npz: codes must be finite" in failed.err


def test_what_is_no_array_is_refused(cli):
    with zipfile.ZipFile("no.npz", "w") as archive:
        archive.writestr("codes.npy", b"no array")
    failed = cli("fit", "--codes", "no.npz", *FAST, "--steps", 1)
    assert (failed.status, failed.err.count("\n")) == (2, 1)
    assert "'codes': it is not an array" in failed.err
