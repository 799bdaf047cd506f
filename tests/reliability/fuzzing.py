"""Odd values, texts, trees of values and bytes, drawn by hypothesis."""

import resource
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from children import Ended, run_command

__all__ = ["changed_bytes", "changed_tree", "explored", "odd_texts", "odd_values", "run_bounded"]

Drawn = TypeVar("Drawn")

_MEMORY = 2**31
"""Bytes of memory that a command may allocate in addition to those at its start."""
_PATIENCE = 20
"""Seconds of processor time that a command may take. On a busy machine, the clock shows a multiple."""
_BUSY = 5

_ODD = (
    *(
        "",
        " ",
        "0",
        "-0",
        "-1",
        "1",
        "2",
        "3",
        "0.5",
        "1.5",
        "-1e-300",
        "1e-400",
        "1e400",
        "nan",
        "inf",
        "-inf",
        "1e308",
    ),
    *(
        "99999999999999999999",
        "9" * 5000,
        "0x10",
        "1_000",
        "٣",
        "½",
        "\uff11",
        "1,2",
        ",",
        "1,",
        "none",
        "None",
        "null",
    ),
    *("yes", "no", "true", "auto", "[1, 2", "{}", "a=b", "-", "--", "---x", "-h", "..", "/", "/dev/null", "not/there"),
    *(
        "cuda:99",
        "\x1b[31m",
        "\n",
        "\t",
        "ü",
        "\udcff",
        "a" * 300,
        "'",
        '"',
        "%s",
        "%(prog)s",
        "{0}",
        "@file",
        "1s",
        "1h30",
    ),
)
odd_texts = st.sampled_from(_ODD) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8
)
"""Texts that a person may type by mistake, or a script may insert."""

_numbers = st.integers(-(2**70), 2**70) | st.integers(-3, 3) | st.floats()
odd_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _numbers | odd_texts.filter(lambda text: "\udcff" not in text),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "a", "format"]), inner, max_size=2)
    ),
    max_leaves=4,
)
"""Values that a file may hold in the place of the right ones."""


@st.composite
def changed_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Draws the content with some bytes changed, removed, repeated or inserted."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(changed) - 1)))
        # Prefers the beginning and the end, where files have their headers.
        place = draw(
            st.sampled_from([place, min(place, 64) % max(1, len(changed)), max(0, len(changed) - 1 - place % 64)])
        )
        length = draw(st.integers(1, 8))
        kind = draw(st.sampled_from(["other", "other", "missing", "cut", "twice", "more"]))
        if kind == "other":
            changed[place : place + length] = draw(st.binary(min_size=1, max_size=length))
        elif kind == "missing":
            del changed[place : place + length]
        elif kind == "cut":
            del changed[place:]
        elif kind == "twice":
            changed[place:place] = changed[place : place + 8 * length]
        else:
            changed[place:place] = draw(st.binary(max_size=16))
    return bytes(changed)


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [found for key, value in items for found in ((*path, key), *_paths(value, (*path, key)))]


def _with(tree: Any, path: Sequence[Any], change: Callable[[Any, Any], None]) -> Any:
    """Returns a copy of a tree, changed in one place."""
    copied = dict(tree) if isinstance(tree, dict) else list(tree)
    if len(path) == 1:
        change(copied, path[0])
    else:
        copied[path[0]] = _with(copied[path[0]], path[1:], change)
    return copied


@st.composite
def changed_tree(draw: st.DrawFn, tree: Any, values: st.SearchStrategy[Any] = odd_values) -> Any:
    """Draws nested dictionaries and lists with some entries changed, removed or renamed."""
    for _ in range(draw(st.integers(1, 3))):
        paths = _paths(tree)
        if not paths:
            break
        kind = draw(st.sampled_from(["other", "other", "other", "missing", "renamed"]))
        value, name = draw(values), draw(st.sampled_from(["name", "other", "steps", ""]))

        def change(holder: Any, key: Any, kind: str = kind, value: Any = value, name: str = name) -> None:
            if kind == "other":
                holder[key] = value
            elif kind == "missing" or isinstance(holder, list):
                del holder[key]
            else:
                holder[name] = holder.pop(key)

        tree = _with(tree, draw(st.sampled_from(paths)), change)
    return tree


def explored(
    strategy: st.SearchStrategy[Drawn], judge: Callable[[Drawn], str | None], random: Random, trials: int
) -> Iterator[str | None]:
    """Draws one example for each trial, and judges it.

    Args:
        strategy: The strategy that draws examples.
        judge: Runs a command on an example, and returns what is wrong with the result, or None.
        random: Gives the seed of the examples.
        trials: Number of examples.

    Returns:
        The failure of each example, or None.
    """
    found: list[str | None] = []

    @seed(random.randrange(2**32))
    @settings(
        max_examples=trials,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def explore(example: Drawn) -> None:
        # Failures are collected, not raised, so the other examples are tried, too.
        failure = judge(example)
        found.append(failure and ascii(f"{failure} -- {example!a}"[:700]))

    explore()
    return iter(found)


def run_bounded(arguments: Sequence[str]) -> Ended:
    """Runs a command with limits on its memory and time, beyond which it gets an error or is killed."""

    def bound() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (_PATIENCE, _PATIENCE + 1))

    ended = run_command(arguments, before=bound, within=_BUSY * _PATIENCE)
    if ended.hung and "\non cpu in " in ended.output and "Traceback" not in ended.output:
        # A training that takes long as its settings say is no failure.
        return Ended(0, ended.output, ended.seconds)
    return ended
