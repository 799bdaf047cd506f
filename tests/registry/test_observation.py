"""What a plug-in does while it is loaded stays with it."""

import importlib
import io
import logging
import os
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(
    "change",
    ["torch.set_default_dtype(torch.float64)", "torch.set_default_device('meta')", "torch.set_grad_enabled(False)"],
)
def test_defaults_of_torch_come_back(change: str) -> None:
    with observed() as seen:
        exec(change, {"torch": torch})
    new = torch.zeros(1)
    assert (new.dtype, new.device.type, torch.is_grad_enabled()) == (torch.float32, "cpu", True)
    assert seen.notes == ["changed the dtype, device or grad mode of torch, which was changed back"]


def test_gradients_stay_off_where_they_were() -> None:
    with torch.no_grad():
        with observed() as seen:
            torch.set_grad_enabled(True)
        assert not torch.is_grad_enabled()
    assert len(seen.notes) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("handler", [signal.SIG_IGN, print])
def test_handlers_of_signals_come_back(number: signal.Signals, handler: Any) -> None:
    before = signal.getsignal(number)
    try:
        with observed() as seen:
            signal.signal(number, handler)
        assert signal.getsignal(number) == before
    finally:
        signal.signal(number, before)
    assert seen.notes == ["changed what SIGINT (Ctrl-C) or SIGTERM does, which was changed back"]


def test_other_threads_have_no_handlers_to_bring_back() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(noted_elsewhere).result() == []


def noted_elsewhere() -> list[str]:
    with observed() as seen:
        pass
    return seen.notes


def test_settings_of_priorkit_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRIORKIT_STRICT_PLUGINS", raising=False)
    monkeypatch.setenv("PRIORKIT_PLUGINS", "acme")
    monkeypatch.setenv("PRIORKIT_DISABLE_PLUGINS", "zoo")
    with observed() as seen:
        os.environ.update({"PRIORKIT_STRICT_PLUGINS": "1", "PRIORKIT_PLUGINS": "", "ACME_HOME": "/acme"})
        del os.environ["PRIORKIT_DISABLE_PLUGINS"]
    assert "PRIORKIT_STRICT_PLUGINS" not in os.environ
    assert (os.environ["PRIORKIT_PLUGINS"], os.environ["PRIORKIT_DISABLE_PLUGINS"]) == ("acme", "zoo")
    assert os.environ.pop("ACME_HOME") == "/acme"
    assert seen.notes == ["changed variables PRIORKIT_... of the environment, which were changed back"]


def test_there_is_nothing_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = io.StringIO("a line\n")
    monkeypatch.setattr(sys, "stdin", typed)
    with pytest.raises(EOFError), observed():
        input()
    assert sys.stdin is typed
    assert input() == "a line"


def test_one_is_watched_at_a_time() -> None:
    entered = threading.Event()

    def enter() -> str:
        with observed() as seen:
            entered.set()
            print("of the other")
        return seen.printed

    before = sys.stdout
    with ThreadPoolExecutor(1) as pool:
        # Within one thread, a plug-in may well ask for plug-ins.
        with observed() as seen, observed():
            other = pool.submit(enter)
            assert not entered.wait(0.1)
        assert other.result() == "of the other\n"
    assert seen.printed == ""
    assert sys.stdout is before


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
