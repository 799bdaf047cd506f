"""Words and paths stay whole on terminals of any width."""

import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("termios", reason="needs a pseudo-terminal")


def in_terminal(columns: int, *arguments: object) -> str:
    """What a terminal of so many columns gets of a command, without what draws and colours."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    command = [sys.executable, "-m", "priorkit", *map(str, arguments)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**kept, "TERM": "xterm"}):
        os.close(theirs)
        received = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            received += part
    os.close(ours)
    return received.decode().replace("\r\n", "\n")


def drawn(text: str) -> list[str]:
    """The lines that are left on a screen."""
    plain = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)
    return [line.rpartition("\r")[2].rstrip() for line in plain.split("\n")]


def assert_whole(lines: list[str], columns: int, words: set[str]) -> None:
    """Makes sure that lines are no wider, unless they are one word, and have no other words."""
    for line in lines:
        assert len(line) <= columns or len(line.split()) == 1, line
    found = {word for line in lines for word in line.split()}
    assert found <= words, found - words


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("command", [["--help"], ["components"], ["plugins"], ["evaluate", "--help"]])
def test_lines_are_folded_at_spaces(cli, monkeypatch, command, columns):
    words = set(cli(*command).out.split())
    monkeypatch.setenv("COLUMNS", str(columns))
    assert_whole(cli(*command).out.splitlines(), columns, words)


def test_a_file_gets_lines_as_long_as_they_are(cli):
    assert max(map(len, cli("components", "prior").out.splitlines())) > 120


def test_an_error_is_one_line_but_on_a_terminal(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    error = cli("trian").err
    assert error.count("\n") == 1
    monkeypatch.delenv("COLUMNS")
    assert_whole(drawn(in_terminal(40, "trian")), 40, set(error.split()))


@pytest.mark.whole
def test_what_is_done_with_runs(cli, run_of, tiny, monkeypatch):
    name = "a-run-whose-name-takes-more-than-half-of-a-line"
    run_of(name, "vae", *tiny, "--steps", 1)
    for command in (["compare", name, "--overwrite"], ["models", name], ["diagnose", name, "--samples", 20]):
        monkeypatch.delenv("COLUMNS", raising=False)
        words = set(cli(*command).out.split())
        for columns in (80, 40):
            monkeypatch.setenv("COLUMNS", str(columns))
            lines = [line.rstrip() for line in cli(*command).out.splitlines() if "─" not in line]
            assert_whole(lines, columns, words)


@pytest.mark.whole
def test_a_training_on_a_terminal(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    long = "a-folder-with-a-name-that-is-longer-than-half-a-line/and-a-run"
    output = in_terminal(80, "train", "vae", *tiny, "--steps", 2, "--sample-every", 1, "--out", long)
    for path in (long, f"{long}/report.html", f"{long}/samples/samples-00000002.png"):
        assert any(line.split()[-1:] == [path] for line in drawn(output)), output
    assert "\x1b[" in output
