"""What a notebook shows of a training."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from priorkit.display.notebook import NotebookProgress
from priorkit.display.progress import Progress
from priorkit.display.progress_choice import progress_for
from priorkit.training import Session, run_session


class Handle:
    def __init__(self, drawn: list[str]) -> None:
        self.drawn = drawn

    def update(self, shown: Any) -> None:
        self.drawn.append(shown)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pretends that a kernel runs this; gives what it is told to show."""
    drawn: list[str] = []
    interactive, display = ModuleType("IPython"), ModuleType("IPython.display")
    interactive.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display.HTML = str  # type: ignore[attr-defined]

    def show(shown: str, display_id: bool) -> Handle:
        drawn.append(shown)
        return Handle(drawn)

    display.display = show  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", interactive)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return drawn


def test_a_notebook_shows_bar_losses_and_samples(notebook: list[str], tiny_session: Any) -> None:
    session: Session = tiny_session(steps=4, log_every=2, sample_every=2)
    display = progress_for(None)
    assert isinstance(display, NotebookProgress)
    run_session(session, [display], lambda: None)
    assert "step 0 of 4" in notebook[0]
    assert 'value="1.0000"' in notebook[-1]
    for shown in ("step 4 of 4", "reconstruction ", "held-out reconstruction error", 'src="data:image/png;base64,'):
        assert shown in notebook[-1]


def test_texts_are_escaped(notebook: list[str], tiny_session: Any) -> None:
    session, display = tiny_session(steps=1), NotebookProgress()
    display.started(session)
    display._losses = {"<script>/x": 1.0}
    display.ended(session, "interrupted")
    assert "&lt;script&gt;" in notebook[-1]
    assert "<script>" not in notebook[-1]
    assert "interrupted at step 0" in notebook[-1]


@pytest.mark.parametrize(
    ("asked", "terminal", "shown"), [(None, True, True), (None, False, False), (True, False, True)]
)
def test_elsewhere_a_terminal_shows_a_bar(
    monkeypatch: pytest.MonkeyPatch, asked: bool | None, terminal: bool, shown: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert isinstance(progress_for(asked), Progress) is shown
    assert progress_for(False) is None


def test_a_grid_is_a_picture_of_its_own() -> None:
    from priorkit.figures.inline_images import inline_grid

    element = inline_grid(torch.zeros(3, 3, 16, 16, dtype=torch.uint8), 'a "b"')
    assert element.startswith('<img alt="a &#34;b&#34;"')
