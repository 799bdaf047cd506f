"""The process's output streams."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from priorkit.cli import streams

PROGRAM = [sys.executable, "-m", "priorkit"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [(["--help"], ""), (["--version"], "1"), (["components"], "1"), (["components", "--json"], "")],
)
def test_a_full_disk_behind_the_output_is_named(arguments: list[str], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == (
        "priorkit: cannot write to the standard output: No space left on device; free some space there, or send it "
        "elsewhere\n"
    )


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("ascii", "a+-b^2 -> e?-"), ("gbk", "a±b^2 → é?─"), ("utf-8", "a±b² → é☃─"), ("latin-1", "a±b² -> é?-")],
)
def test_characters_that_an_encoding_has_not_are_spelled(encoding: str, written: str) -> None:
    program = (
        "from priorkit.cli.streams import write_any_character; write_any_character(); "
        "print('a\\xb1b\\xb2 \\u2192 \\xe9\\u2603\\u2500')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding).strip() == written


def test_an_error_of_a_file_is_not_the_outputs() -> None:
    assert not streams.is_of_output(FileNotFoundError(2, "No such file or directory", "x"))
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        os.close(-1)
    assert not streams.is_of_output(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
def test_an_interrupt_during_the_imports_is_one_line(tmp_path: Path) -> None:
    # A module that takes long to import, in the place of one that does.
    (tmp_path / "pluggy.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [*PROGRAM, "components"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "priorkit: interrupted\n")


def test_importing_the_package_imports_next_to_nothing() -> None:
    program = "import sys; before = set(sys.modules); import priorkit; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        # Without site-packages, an installed priorkit is not found.
        pytest.skip("priorkit is installed, not in the folder")
    assert set(done.stdout.split()) == {"priorkit"}
