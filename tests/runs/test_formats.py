"""Runs of every earlier format, trained by the code of their time: sampled, gone on with and evaluated by today's.

Each archive of `earlier_formats` is named FORMAT-WHAT and holds a run of two steps without its pictures and report, and
`expected.safetensors`: an image that the code of its time drew from the run (`sample(1, seed=3)`, of class 3 where it
has classes), that image's code and its reconstruction. A format that is replaced leaves a run here.
"""

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from priorkit.cli import main
from priorkit.config import read_toml
from priorkit.errors import RunFolderError
from priorkit.evaluation import EvaluationSettings
from priorkit.registry import Registry
from priorkit.runs import RunFolder, evaluate_run, load_run
from priorkit.runs.formats import FORMAT, migrated_settings, migrated_weights, require_readable

ARCHIVES = sorted((Path(__file__).parent / "earlier_formats").glob("*.tar.xz"))


def run_named(start: str, folder: Path) -> Path:
    (archive,) = [path for path in ARCHIVES if path.name.startswith(start)]
    return unpacked(archive, folder)


def unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.xz")


def contents(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=ARCHIVES, ids=[path.name.removesuffix(".tar.xz") for path in ARCHIVES])
def old_run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpacked(request.param, tmp_path)


def assert_as_it_was(path: Path, registry: Registry, checkpoint: str = "last") -> None:
    expected = load_file(path / "expected.safetensors")
    run = load_run(path, device="cpu", registry=registry, checkpoint=checkpoint)
    images = run.sample(1, seed=3, labels=3 if "supervised" in path.name else None)
    torch.testing.assert_close(images, expected["samples"], rtol=0, atol=1e-4)
    torch.testing.assert_close(run.encode(expected["samples"]), expected["codes"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(run.reconstruct(expected["samples"]), expected["reconstructions"], rtol=0, atol=1e-4)


def test_every_earlier_format_is_here() -> None:
    assert {int(path.name.partition("-")[0]) for path in ARCHIVES} >= set(range(FORMAT))


def test_it_draws_what_it_drew(old_run: Path, registry: Registry) -> None:
    before = contents(old_run)
    assert_as_it_was(old_run, registry)
    assert contents(old_run) == before, "who reads a run leaves it as it is"


def test_it_is_evaluated(old_run: Path, registry: Registry) -> None:
    before = contents(old_run)
    run = load_run(old_run, device="cpu", registry=registry)
    evaluation = evaluate_run(run, EvaluationSettings(samples=4, scores=("psnr",)), registry=registry)
    assert [score.name for score in evaluation.scores if score.value is not None] == ["psnr"]
    assert contents(old_run) == before


def test_it_goes_on_and_is_brought_up_to_date(
    old_run: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    (old_run / "checkpoints/best.json").write_bytes((old_run / "checkpoints/last.json").read_bytes())
    for steps in (4, 5):
        assert main(["train", "--resume", str(old_run), "--steps", str(steps), "--quiet"]) == 0, capsys.readouterr().err
        folder = RunFolder.open(old_run)
        assert folder.checkpoints.step() == steps
        assert json.loads(folder.environment.read_text())["format"] == FORMAT
        assert folder.checkpoints.metadata() == {"format": str(FORMAT)}
        settings = read_toml(folder.config)
        assert settings == migrated_settings(settings, 1), "written as today's"
        assert load_run(old_run, device="cpu", registry=registry).sample(2).isfinite().all()
        if folder.checkpoints.step("best") == 2:
            assert_as_it_was(old_run, registry, "best")
    assert not list(old_run.glob(".*.draft*"))


def test_a_new_run_says_its_format(trained_path: Path) -> None:
    folder = RunFolder.open(trained_path)
    assert next(iter(json.loads(folder.environment.read_text()).items())) == ("format", FORMAT)
    assert folder.checkpoints.metadata("best") == {"format": str(FORMAT)}


def test_a_newer_folder_is_refused(run_path: Path, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.open(run_path)
    environment = json.loads(folder.environment.read_text())
    folder.environment.write_text(json.dumps({**environment, "format": FORMAT + 1}))
    words = (
        rf"written by a newer priorkit \(its format is {FORMAT + 1}, but this version reads up to {FORMAT}\); upgrade"
    )
    with pytest.raises(RunFolderError, match=words):
        load_run(run_path, registry=registry)
    for command in (["train", "--resume"], ["sample"], ["compare"]):
        assert main([*command, str(run_path)]) == 2
        told = capsys.readouterr().err
        assert "was written by a newer priorkit" in told
        assert told.count("\n") == 1


def test_a_newer_checkpoint_is_refused(
    run_path: Path, registry: Registry, without_checksums: Callable[[RunFolder], None]
) -> None:
    folder = RunFolder.open(run_path)
    without_checksums(folder)
    for number, words in (("99", "checkpoint .* was written by a newer priorkit"), ("new", "has the format 'new'")):
        save_file(folder.load_weights(), folder.checkpoints.path() / "weights.safetensors", {"format": number})
        for read in (lambda: load_run(run_path, registry=registry), folder.load_state):
            with pytest.raises(RunFolderError, match=words):
                read()
        save_file(folder.checkpoints.load_weights(), folder.checkpoints.path() / "weights.safetensors")


@pytest.mark.parametrize("number", [0, -1, 1.0, True, "3", [3]])
def test_what_is_no_format_is_told(number: object) -> None:
    with pytest.raises(RunFolderError, match=r"that has the format .*, but a whole number of at least 1"):
        require_readable(number, "that")
    require_readable(None, "that")
    require_readable(FORMAT, "that")


def test_options_that_did_not_exist_have_their_meaning() -> None:
    old = {"networks": {"name": "residual", "width": 2}, "average_statistics": 0.9, "steps": 3}
    migrated = {"networks": {"name": "residual", "width": 2, "upsampling": "transposed"}, "steps": 3}
    assert migrated_settings(old, None) == migrated_settings(old, 1) == migrated
    assert "average_statistics" in old, "what was read stays as it is"
    assert migrated_settings(migrated, None) == migrated
    for kept in ({"name": "residual", "upsampling": "auto"}, {"name": "dcgan"}, {"name": "other:residual"}):
        assert migrated_settings({"networks": kept}, None) == {"networks": kept}
    wide = {"prior": {"name": "learned", "noise_dim": 3, "hidden": 5}, "code_generator": {"name": "mlp", "layers": 2}}
    assert migrated_settings(wide, None) == {
        "prior": {"name": "learned", "noise_dim": 3},
        "code_generator": {"name": "mlp", "layers": 2, "hidden": 5},
    }
    others = {**wide, "prior": {"name": "flow-matching", "hidden": 5}}
    assert migrated_settings(others, None) == others
    sliced = {"name": "sliced-wasserstein", "projections": 5}
    assert migrated_settings({"regularizer": {**sliced, "directions": 9}}, None) == {"regularizer": sliced}
    other = {"regularizer": {"name": "other:sliced-wasserstein", "directions": 9}}
    assert migrated_settings(other, None) == other
    assert migrated_settings({"fitted_to": "runs/vae"}, 3) == {"fitted_to": "runs/vae", "phases": ["code-fitting"]}
    assert migrated_settings({"fitted_to": None}, 3) == {"fitted_to": None}
    assert migrated_settings({"networks": {"name": "residual"}}, FORMAT) == {"networks": {"name": "residual"}}


def test_every_use_gets_the_statistics_that_all_had() -> None:
    names = ("encoder/a.weight", "encoder/a.running_mean", "decoder/b.running_var", "average/decoder/b.running_var")
    old = {name: torch.tensor(float(number)) for number, name in enumerate(names)}
    migrated = migrated_weights(old, None)
    added = {name: value.item() for name, value in migrated.items() if name not in old}
    assert added == {
        "average/encoder/a.weight": 0.0,
        "average/encoder/a.running_mean": 1.0,
        "use/encoder/a.running_mean": 1.0,
        "use/decoder/b.running_var": 3.0,
        "use/reconstruction_decoder/b.running_var": 3.0,
    }
    assert {name: migrated[name] for name in old} == old
    assert migrated_weights(migrated, None) == migrated
    unaveraged = migrated_weights({name: old[name] for name in names[:3]}, None)
    assert unaveraged["use/decoder/b.running_var"] == 2.0
    assert not any(name.startswith("average/") for name in unaveraged)
