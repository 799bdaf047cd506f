"""Diagnoses of runs, kept beside them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry
from priorkit.runs import diagnose, load_run, prepare, save_diagnosis
from priorkit.runs.report import write_report


@pytest.fixture(scope="module")
def path(registry: Registry, run_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "vae"
    prepare(run_config("vae", dataset={"train": 24, "test": 24}), path, registry=registry).run()
    return path


def test_it_is_kept_and_reported(path: Path, registry: Registry) -> None:
    run = load_run(path, registry=registry)
    before = run.folder.report.read_text()
    assert "Prior and codes" not in before
    diagnosis = diagnose(run, registry=registry)
    assert not run.folder.diagnosis.exists()
    save_diagnosis(run, diagnosis, None)
    kept = json.loads(run.folder.diagnosis.read_text())
    assert kept["checkpoint"] == "step-00000006"
    assert kept["findings"][0]["sentence"] == diagnosis.findings[0].sentence
    assert "Prior and codes" in run.folder.report.read_text()


def test_a_report_stands_without_a_broken_diagnosis(path: Path, registry: Registry) -> None:
    folder = load_run(path, registry=registry).folder
    folder.diagnosis.write_text("{")
    write_report(folder)
    assert "diagnosis.json cannot be read (JSONDecodeError): diagnose the run again" in folder.report.read_text()


def test_a_gan_has_no_codes(registry: Registry, run_config: Callable[..., RunConfig], tmp_path: Path) -> None:
    prepare(run_config("dcgan"), tmp_path / "gan", registry=registry).run()
    with pytest.raises(ConfigurationError, match=r"gan' has no encoder \(--encoder none\), so there are no codes"):
        diagnose(load_run(tmp_path / "gan", registry=registry), registry=registry)
