import json

import pytest

import priorkit.runs
from priorkit.cli.sharing import _size


def test_a_run_is_packed_and_unpacked(cli, trained):
    packed = cli("pack", trained)
    assert packed.status == 0, packed.err
    assert packed.out.startswith("trained.priorkit.zip (")
    unpacked = cli("unpack", "trained.priorkit.zip", "--json")
    assert json.loads(unpacked.out) == {"run": "runs/trained"}
    assert cli("sample", "runs/trained", "-n", 2, "--out", "samples.png").status == 0
    again = cli("unpack", "trained.priorkit.zip")
    assert (again.status, again.err.count("\n")) == (2, 1)
    assert "already exists" in again.err
    described = cli("models", "trained.priorkit.zip", "runs/trained", "--json")
    rows = [json.loads(line) for line in described.out.splitlines()]
    assert [row["source"] for row in rows] == ["trained.priorkit.zip", "runs/trained"]
    assert {row["recipe"] for row in rows} == {"learned"}
    assert {(row["steps"], row["resumable"]) for row in rows} == {(4, False)}
    table = cli("models", "trained.priorkit.zip").out
    for text in ("recipe", "learned", "digits, 1617 images to train on", "16x16, grey", "third-party plug-ins", "none"):
        assert text in table
    refused = cli("sample", "trained.priorkit.zip", "--out", "others.png")
    assert refused.err == (
        "priorkit: 'trained.priorkit.zip' is a packed run: unpack it first with priorkit unpack trained.priorkit.zip\n"
    )


def test_suggested_commands_quote_paths(cli, trained):
    packed = cli("pack", trained, "--out", "my run; x.zip")
    assert packed.out.endswith("unpack it with priorkit unpack 'my run; x.zip'\n")
    unpacked = cli("unpack", "my run; x.zip", "--out", "a $b")
    assert unpacked.out == "a $b: use it as any run, as in priorkit sample 'a $b'\n"
    refused = cli("sample", "my run; x.zip", "--out", "x.png")
    assert refused.err.endswith("with priorkit unpack 'my run; x.zip'\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pack", "nothing"), "no run 'nothing'"),
        (("unpack", "nothing"), "cannot read 'nothing'"),
        (("models", "nothing"), "no run 'nothing'"),
        (("models", "hf://nothing"), "names no repository of the hub"),
        (("pull", "nothing"), "names no repository of the hub"),
        (("pack", "x", "--resumble"), "did you mean '--resumable'"),
    ],
)
def test_mistakes_are_one_line(cli, arguments, message):
    result = cli(*arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_what_is_asked_of_the_hub(cli, trained, monkeypatch):
    asked = []

    def push(folder, repository, **given):
        asked.append((str(folder.path), repository, given))
        return f"hf://{repository}"

    monkeypatch.setattr(priorkit.runs, "push_run", push)
    monkeypatch.setattr(priorkit.runs, "pull", lambda address, out: out or f"runs/{address}")
    result = cli("push", trained, "a/b", "--private", "--revision", "v2", "--message", "m n", "--license", "mit")
    assert result.out == 'hf://a/b: load it with priorkit.load_run("hf://a/b")\n'
    given = {"private": True, "revision": "v2", "message": "m n", "license_name": "mit", "checkpoint": "last"}
    assert asked == [("trained", "a/b", given)]
    assert json.loads(cli("pull", "hf://a/b", "--out", "here", "--json").out) == {"run": "here"}


def test_sizes_are_readable():
    assert [_size(n) for n in (12, 1500, 3 * 2**20, 5 * 2**40)] == ["12 bytes", "1.46 KiB", "3 MiB", "5.12e+03 GiB"]


def test_an_unknown_tracker_is_refused_before_anything_is_read(cli, tiny):
    result = cli("train", "learned", *tiny, "--track", "wandv")
    assert result.status == 2
    assert result.err.startswith("priorkit: --track wandv: no such tracker; did you mean 'wandb'?")


def test_a_tracker_that_fails_is_one_line(cli, tiny, monkeypatch):
    def build(name):
        raise ConnectionError("no network")

    monkeypatch.setattr("priorkit.tracking.tracking.build_tracker", build)
    monkeypatch.setattr("priorkit.tracking.catalogue.find_spec", lambda package: True)
    result = cli("train", "learned", *tiny, "--steps", 2, "--track", "mlflow", "--track", "wandb", "--quiet")
    assert result.status == 0
    assert sorted(result.err.splitlines()) == [
        f"priorkit: warning: the tracker {name!r} has failed, and the training continues without it: no network"
        for name in ("mlflow", "wandb")
    ]
