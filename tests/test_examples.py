import subprocess
import sys
from pathlib import Path

import pytest

from priorkit.config import read_toml, resolve_config, validate_settings
from priorkit.plugins import installed_plugins

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_configurations_are_valid(file):
    resolve_config(validate_settings(read_toml(file)), installed_plugins())


def test_the_script_trains_and_draws(tmp_path):
    command = [sys.executable, EXAMPLES / "train_and_sample.py", "2", tmp_path / "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "step 2: reconstruction_error" in done.stdout
    assert (tmp_path / "run/final.png").stat().st_size > 0
