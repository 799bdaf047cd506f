import io
import json
import os
import subprocess
import sys

import pytest

from priorkit.display.console import Console, stdout_for_data, stdout_spared


def test_stdout_for_data_holds_nothing_else(capsys):
    console = Console(as_json=True)
    with pytest.raises(RuntimeError), stdout_for_data():  # noqa: PT012
        print("of a plug-in")
        console.data({"a": 1})
        raise RuntimeError
    console.data({"b": 2})
    print("later")
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()[:2]] == [{"a": 1}, {"b": 2}]
    assert out.splitlines()[2:] == ["later"]
    assert err == "of a plug-in\n"


def test_stdout_is_spared_by_child_processes(capfd):
    with pytest.raises(SystemExit), stdout_spared():  # noqa: PT012
        os.write(1, b"past Python\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        raise SystemExit
    os.write(1, b"afterwards\n")
    assert capfd.readouterr() == ("afterwards\n", "past Python\nchild\n")


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_there_may_be_no_stdout_to_spare(monkeypatch, stream):
    monkeypatch.setattr(sys, "__stdout__", stream)
    with stdout_spared():
        ran = True
    assert ran


def test_names_that_a_terminal_would_obey_are_shown(capsys):
    console, name = Console(), "run\x1b[2J\x07"
    console.line(f"in {name}")
    console.columns([name], [[name]])
    console.table("Done", [(name, name)])
    console.grid(["name", "note"], [[name, name]])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert out.count("run\\x1b[2J\\x07") == 1 + 2 + 2 + 2


def test_a_quiet_console_prints_where_the_result_lies_and_nothing_else(capsys):
    console = Console(quiet=True)
    with stdout_for_data():
        print("of a plug-in")
        console.line("a line")
        console.table("Done", [("a", "b")])
        console.result("runs/a")
    assert capsys.readouterr() == ("runs/a\n", "of a plug-in\n")


@pytest.mark.parametrize("flags", [{}, {"as_json": True}, {"as_json": True, "quiet": True}])
def test_others_do_not(capsys, flags):
    Console(**flags).result("runs/a")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("kind", "redraws"), [("xterm", True), ("dumb", False)])
def test_a_terminal_may_not_redraw(monkeypatch, kind, redraws):
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert Console().is_terminal is redraws
