"""The benchmarks: their arithmetic, and that the hand-written loops compute what priorkit computes."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

FOLDER = Path(__file__).parent / "benchmarks"

positive = st.floats(1e-6, 1e6)


def test_contenders_take_turns_and_warming_up_does_not_count(benchmark_module: Callable[[str], ModuleType]) -> None:
    turns: list[str] = []

    class Scripted:
        def __init__(self, name: str, seconds: float) -> None:
            self.name = name
            self.next = seconds

        def seconds(self) -> float:
            turns.append(self.name)
            self.next += 1
            return self.next

    first, second = benchmark_module("paired").alternate(Scripted("a", 0), Scripted("b", 10), repeats=2, warm_up=1)
    assert turns == ["a", "b"] * 3
    assert (first, second) == ([2, 3], [12, 13])


@given(st.lists(positive, min_size=1, max_size=9), positive)
def test_a_ratio_says_how_many_times_as_fast_the_first_is(
    benchmark_module: Callable[[str], ModuleType], seconds: list[float], factor: float
) -> None:
    slower = [factor * value for value in seconds]
    compared = benchmark_module("paired").Comparison("t", ("a", "b"), (seconds, slower), target=factor / 2)
    assert compared.ratio == pytest.approx(factor)
    assert compared.pair_ratios == pytest.approx([factor] * len(seconds))
    assert "wanted: met" in "\n".join(compared.lines())


def test_a_missed_target_is_told(benchmark_module: Callable[[str], ModuleType]) -> None:
    missed = benchmark_module("paired").Comparison("t", ("a", "b"), ([2.0], [1.0]), work=8, unit="images", target=0.97)
    text = "\n".join(missed.lines())
    assert "NOT MET" in text
    assert "4 images/s" in text


def test_pairs_that_disagree_with_the_verdict_are_told(benchmark_module: Callable[[str], ModuleType]) -> None:
    noisy = benchmark_module("paired").Comparison("t", ("a", "b"), ([1.0, 1.0, 1.0], [2.0, 2.0, 0.5]), target=1.2)
    assert "wanted: met, but not all pairs agree" in "\n".join(noisy.lines())


@pytest.mark.parametrize(("recipe", "loop"), [("aae", "BareAAE"), ("learned", "BareLearned")])
def test_a_bare_loop_computes_what_a_session_does(
    benchmark_module: Callable[[str], ModuleType], recipe: str, loop: str
) -> None:
    sessions = benchmark_module("sessions")
    config = sessions.make_config(
        recipe, {"precision": "float32", "batch_size": 8, "code_dim": 8, "networks": {"width": 2}, "image_size": 16}
    )
    data = sessions.random_images(32, size=16)
    session = sessions.make_session(config, data)
    kind = getattr(benchmark_module("bare_loops"), loop)
    bare = kind(sessions.make_system(config, data), data.train.images, config, session.precision.dtype)
    notes = benchmark_module("against_bare_loop").check_same_work(session, bare)
    assert "operations of a step" in notes
    for network, copied in zip(kind.averaged, bare.copies, strict=True):
        averaged = dict(session.averages.networks[network].named_parameters())
        for (name, weight), mine in zip(averaged.items(), copied.parameters(), strict=True):
            torch.testing.assert_close(mine, weight, rtol=1e-4, atol=1e-6, msg=f"{network}.{name}")


def test_every_benchmark_has_a_name_of_its_own(benchmark_module: Callable[[str], ModuleType]) -> None:
    modules = [path for path in FOLDER.glob("*.py") if "\nBENCHMARKS = [" in path.read_text()]
    names = [item.name for path in modules for item in benchmark_module(path.stem).BENCHMARKS]
    assert len(names) == len(set(names)) >= 9
    listed = (FOLDER / "__main__.py").read_text()
    assert all(f'"{path.stem}"' in listed for path in modules)
