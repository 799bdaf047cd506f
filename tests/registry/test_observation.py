"""What a plug-in does while it is loaded stays with it."""

import importlib
import logging
import os
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch

from priorkit.plugins.observation import SLOW, observed


def test_nothing_is_noted_where_nothing_happens() -> None:
    with observed() as seen:
        pass
    assert (seen.notes, seen.printed) == ([], "")


def test_what_is_printed_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with observed() as seen:
        print("on stdout")
        sys.stderr.writelines(["on ", "stderr\n"])
        sys.stdout.flush()
        assert sys.stdout.encoding.lower() == "utf-8"
    assert seen.printed == "on stdout\non stderr\n"
    assert seen.notes == ["printed while it was loaded: on stdout on stderr"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt, BaseException])
def test_streams_come_back_whatever_happens(error: type[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with pytest.raises(error), observed() as seen:  # noqa: PT012
        print("before the end")
        sys.stdout = sys.stderr = None  # type: ignore[assignment]
        raise error
    assert (sys.stdout, sys.stderr) == before
    assert seen.printed == "before the end\n"
    print("after it")
    assert capsys.readouterr().out == "after it\n"


def test_loggers_speak_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    with observed() as seen:
        handler = logging.StreamHandler()
        handler.emit(logging.makeLogRecord({"msg": "while it is loaded"}))
    handler.emit(logging.makeLogRecord({"msg": "later"}))
    handler.flush()
    assert seen.printed == "while it is loaded\n"
    assert capsys.readouterr().err == "later\n"


def test_a_process_without_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with observed() as seen:
        print("to nobody")
    assert seen.printed == ""
    assert sys.stdout is None


def test_filters_of_warnings_come_back() -> None:
    before = list(warnings.filters)
    with observed():
        warnings.simplefilter("error")
    assert warnings.filters == before


def test_the_working_folder_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with observed() as seen:
        os.chdir("/")
    assert Path.cwd() == tmp_path
    assert seen.notes == ["changed the working folder, which was changed back"]


@pytest.mark.parametrize("change", ["torch.set_default_dtype(torch.float64)", "torch.set_default_device('meta')"])
def test_defaults_of_torch_come_back(change: str) -> None:
    with observed() as seen:
        exec(change, {"torch": torch})
    new = torch.zeros(1)
    assert (new.dtype, new.device.type) == (torch.float32, "cpu")
    assert seen.notes == ["changed the dtype or device of torch's new tensors, which was changed back"]


def test_a_long_time_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 10.0 + SLOW, 20.0, 20.1 + SLOW])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    with observed() as quick:
        pass
    with observed() as slow:
        pass
    assert quick.notes == []
    assert slow.notes == [f"took {SLOW + 0.1:.1f} s to load: import what takes long inside `build`"]


def test_an_import_of_torch_is_noted_where_it_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with observed() as second:
        importlib.import_module("torch")
    monkeypatch.delitem(sys.modules, "torch")
    with observed() as first:
        sys.modules["torch"] = torch
    assert second.notes == []
    assert first.notes == ["imported torch: import it inside `build`, so that commands stay quick"]
