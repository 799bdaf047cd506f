"""The messages that the page on troubleshooting explains are priorkit's."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def messages() -> str:
    """All text in priorkit's and the built-in plug-ins' code; of f-strings, what stands between the values."""
    files = [*(ROOT / "priorkit").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    texts = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return "\0".join(text for text in texts if isinstance(text, str))


def test_many_are_explained():
    assert len(QUOTED) > 40


@pytest.mark.parametrize("message", [*QUOTED, "training diverged"])
def test_a_message_is_said(message, messages):
    assert message in messages
