"""Runs whose weights are broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.cli import main
from priorkit.errors import RunFolderError
from priorkit.registry import Registry
from priorkit.runs import RunFolder, load_run


def _break(folder: RunFolder, part: str, value: float) -> None:
    """Has one weight of a part be no number, in a checkpoint that is undamaged otherwise."""
    weights, state = folder.checkpoints.load_weights(), folder.checkpoints.load_state()
    name = next(key for key in sorted(weights) if key.startswith(part) and weights[key].is_floating_point())
    weights[name].view(-1)[0] = value
    folder.checkpoints.save(6, weights, state, ["last", "best"], folder.checkpoints.metadata())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["average/decoder/", "average/encoder/", "average/prior/"])
def test_weights_that_are_not_finite_are_named(part: str, value: float, folder: RunFolder, registry: Registry) -> None:
    _break(folder, part, value)
    with pytest.raises(
        RunFolderError, match=rf"of the {part.split('/')[1]} in '.*step-00000006-2' is not finite"
    ) as caught:
        load_run(folder.path, device="cpu", registry=registry)
    assert "\n" not in str(caught.value)


def test_weights_that_an_average_replaces_do_not_matter(folder: RunFolder, registry: Registry) -> None:
    _break(folder, "decoder/", float("nan"))
    assert bool(load_run(folder.path, device="cpu", registry=registry).sample(2).isfinite().all())


@pytest.mark.parametrize("command", [["sample", "-n", "4"], ["reconstruct"], ["interpolate"]])
def test_no_picture_is_written_of_a_broken_network(
    command: list[str], plain_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _break(RunFolder.open(plain_run), "average/decoder/", float("nan"))
    assert main([command[0], str(plain_run), *command[1:], "--out", str(tmp_path / "picture.png")]) == 2
    told = capsys.readouterr().err
    assert "is not finite" in told
    assert told.count("\n") == 1
    assert not (tmp_path / "picture.png").exists()


@pytest.fixture
def plain_run(tmp_path: Path) -> Path:
    """A run of the built-in components alone, which the commands can load."""
    path = tmp_path / "plain"
    arguments = [
        "--networks",
        "mlp",
        "--networks.hidden",
        "8",
        "--steps",
        "6",
        "--device",
        "cpu",
        "--checkpoint-every",
        "3",
    ]
    assert main(["train", "vae", *arguments, "--out", str(path)]) == 0
    return path


def test_what_a_network_computes_must_be_finite(
    folder: RunFolder, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_run(folder.path, device="cpu", registry=registry)
    with torch.no_grad():
        for parameter in run.model.decoder.parameters():
            parameter.fill_(float("nan"))
    calls: list[Callable[[], Any]] = [
        lambda: run.sample(2),
        lambda: run.decode(torch.zeros(2, 4), from_prior=True),
        lambda: run.interpolate(torch.zeros(1, 4), torch.ones(1, 4), 3, from_prior=True),
    ]
    for call in calls:
        with pytest.raises(RunFolderError, match=r"of '.*' \(step-00000006\) are not finite"):
            call()
