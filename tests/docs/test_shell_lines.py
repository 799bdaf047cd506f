"""Every `priorkit ...` line of README and docs says what priorkit understands."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import priorkit.codes
import priorkit.exploring
import priorkit.runs
import priorkit.studies
import priorkit.sweeps
import priorkit.tracking.catalogue
import priorkit.watching
from priorkit.cli import main
from priorkit.config import resolve_config
from priorkit.registry import installed_plugins
from priorkit.studies.plan import plan_runs

ROOT = Path(__file__).parents[2]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")
_PLACEHOLDERS = {"NAME", "COMMAND", "KIND", "STUDY", "N", "M", "PNGS", "TIME"}
"""Words that stand for something that cannot be guessed."""
_ABSENT = {"secant", "code-decay"}
"""Components that a page tells how to write."""


def _commands(text: str) -> Iterator[str]:
    """What a page would have typed, in blocks and between its words."""
    for language, code in _FENCED.findall(text):
        if language == "sh":
            yield from re.split(r"\n|&&", code.replace("\\\n", " "))
    for span in _INLINE.findall(_FENCED.sub("", text)):
        if re.match(r"[A-Z_]+=|torchrun |priorkit ", span) and not _names_a_command(span):
            yield span


def _arguments(command: str) -> list[str] | None:
    """priorkit's arguments in a command; None if there are none, or some of them are left open."""
    words = shlex.split(command, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if words[:1] == ["torchrun"] and "priorkit" in words:
        words = words[words.index("priorkit") :]
    open_ones = "..." in command or _PLACEHOLDERS & set(words) or _ABSENT & set(re.split(r"[ ,]", " ".join(words)))
    return words[1:] if words[:1] == ["priorkit"] and not open_ones else None


def _names_a_command(span: str) -> bool:
    """Whether it is no more than a name, as in: `priorkit sample` draws."""
    return re.fullmatch(r"priorkit [\w-]+", span) is not None


def _found() -> list[tuple[str, str]]:
    found = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        given = filter(None, map(_arguments, _commands(page.read_text(encoding="utf-8"))))
        found += [(str(page.relative_to(ROOT)), shlex.join(arguments)) for arguments in given]
    # The page of samples is generated of these.
    facts = json.loads((ROOT / "docs/pictures/gallery/facts.json").read_text(encoding="utf-8"))
    for recipe in facts.values():
        given = filter(None, map(_arguments, (recipe["train"], recipe["sample"])))
        found += [("docs/gallery.md", shlex.join(arguments)) for arguments in given]
    return list(dict.fromkeys(found))


FOUND = _found()


class UnderstoodError(BaseException):
    """Instead of doing it: the command was read without a complaint."""


@pytest.fixture
def only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets commands read their arguments and settings, and do nothing."""
    registry = installed_plugins()

    def stop(*arguments: Any, **more: Any) -> None:
        raise UnderstoodError

    def resolve(config: Any, *arguments: Any, **more: Any) -> None:
        resolve_config(config, registry)
        raise UnderstoodError

    def plan(request: Any, *arguments: Any, **more: Any) -> None:
        plan_runs(request, registry)
        raise UnderstoodError

    for name in ("load_run", "prepare_resumed", "prepare_fit", "unpack", "pull", "describe_run"):
        monkeypatch.setattr(priorkit.runs, name, stop)
    monkeypatch.setattr(priorkit.runs, "prepare", resolve)
    monkeypatch.setattr(priorkit.runs, "RunFolder", SimpleNamespace(open=stop))
    # Whatever trackers are installed here.
    monkeypatch.setattr(priorkit.tracking.catalogue, "find_spec", lambda package: True)
    monkeypatch.setattr(priorkit.runs, "fit_settings", lambda run, registry: {"prior": "flow-matching"})
    for name in ("prepare_code_fit", "prepare_resumed_fit"):
        monkeypatch.setattr(priorkit.codes, name, stop)
    monkeypatch.setattr(priorkit.codes, "read_codes", lambda path: priorkit.codes.CodesFile(path, None, "", ""))
    monkeypatch.setattr(priorkit.studies, "compare_runs", stop)
    monkeypatch.setattr(priorkit.studies, "reproduce", plan)
    monkeypatch.setattr(priorkit.sweeps, "carry_out_sweep", stop)
    monkeypatch.setattr(priorkit.watching, "RunTable", stop)
    monkeypatch.setattr(priorkit.exploring, "explore", stop)


def test_pages_have_commands():
    assert len(FOUND) > 100
    assert {arguments.split(" ")[0] for _, arguments in FOUND} >= {
        "train",
        "fit",
        "sample",
        "evaluate",
        "picture",
        "reproduce",
    }


@pytest.mark.parametrize(("page", "arguments"), FOUND, ids=lambda value: value)
@pytest.mark.usefixtures("only_read")
def test_is_understood(page, arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(arguments)
    for word in words:
        if word.endswith(".toml"):
            Path(word).parent.mkdir(parents=True, exist_ok=True)
            Path(word).touch()
    try:
        status = main(words)
    except (UnderstoodError, SystemExit):
        return
    assert status == 0, f"{page}: priorkit {arguments}: {capsys.readouterr().err}"


def test_a_wrong_line_is_not_understood(only_read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["sample", "runs/x", "--colums", "3"]) == 2
    assert main(["train", "vae", "--prior.std", "-1"]) == 2
