"""The text encoder `plug-in-name`."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit.cli import main
from priorkit.testing import Case, parametrize_with_checks

from priorkit_plug_in_name.text_encoder import PlugInNameTextEncoder

TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4 --device cpu --quiet"
WORDS = ("a", "red", "blue", "bird", "fish")

CASES = [
    Case("text_encoder", "plug-in-name"),
    Case("text_encoder", "plug-in-name", {"dim": 1, "length": 3}),
]


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), order=st.permutations(WORDS))
def test_the_order_of_words_does_not_count(seed: int, order: list[str]) -> None:
    torch.manual_seed(seed)
    encoder = PlugInNameTextEncoder(WORDS, dim=4)
    vectors = encoder(encoder.tokens([" ".join(WORDS), " ".join(order)]))
    torch.testing.assert_close(vectors[0], vectors[1])


def test_says_which_words_it_does_not_know() -> None:
    encoder = PlugInNameTextEncoder(WORDS, dim=4)
    assert encoder.unknown("A green bird, a GREEN fish") == ("green",)


def test_can_be_chosen(tmp_path: Path) -> None:
    run = tmp_path / "run"
    chosen = ["--text-encoder", "plug-in-name", "--text-encoder.dim", "8"]
    assert main(["train", "learned", *chosen, *TINY.split(), "--steps", "2", "--out", str(run)]) == 0
    written = tomllib.loads((run / "config.toml").read_text())["text_encoder"]
    assert written == {"name": "plug-in-name", "dim": 8, "length": 40}
