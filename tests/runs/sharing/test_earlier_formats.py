"""Runs of earlier formats are shared as they are, and read as they would have been."""

import tarfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from priorkit.runs import RunFolder, describe_run, load_run, pack_run, unpack

ARCHIVES = Path(__file__).parents[1] / "earlier_formats"


@pytest.mark.parametrize(("name", "prior"), [("0-vae", "gaussian"), ("3-fit", "flow-matching")])
def test_an_earlier_run_is_packed(name, prior, tmp_path):
    with tarfile.open(ARCHIVES / f"{name}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    path = unpack(pack_run(RunFolder.open(tmp_path / name), tmp_path / "run.zip"), tmp_path / "unpacked")
    expected = load_file(tmp_path / name / "expected.safetensors")["samples"]
    torch.testing.assert_close(load_run(path, device="cpu").sample(1, seed=3), expected, rtol=0, atol=1e-4)
    described = describe_run(path)
    assert (described.prior, described.fitted) == (prior, name == "3-fit")
