"""Plug-ins' mistakes, where they are used."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from priorkit.errors import PluginError
from priorkit.plugins import Component, Options
from priorkit.registry import Registered
from priorkit.registry.guard import guarded, refusal_in_words


class UnspeakableError(RuntimeError):
    """Says nothing, and would end the program instead."""

    def __str__(self) -> str:
        raise SystemExit(3)


def used(error: BaseException, distribution: str = "acme") -> None:
    """Uses a component that raises an error."""

    def build(options: Options, context: object) -> Any:
        raise error

    registered = Registered(Component("some", Options, build, "a prior", "a test"), "prior", distribution, "2.1")
    with guarded(registered, "--prior some"):
        registered.component.build(Options(), None)


@pytest.mark.parametrize("error", [RuntimeError("no luck"), SystemExit("no luck"), BaseException("no luck")])
def test_a_mistake_becomes_one_line_and_keeps_its_cause(error: BaseException) -> None:
    with pytest.raises(PluginError) as caught:
        used(error)
    line = used.__code__.co_firstlineno + 4
    assert str(caught.value) == (
        f"--prior some: its plug-in (acme 2.1) has failed: {type(error).__name__}: no luck ({__file__}:{line}); "
        "this is a mistake in the plug-in (PRIORKIT_STRICT_PLUGINS=1 shows the full traceback)"
    )
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("of the user"),
        PluginError("said already"),
        KeyboardInterrupt(),
        MemoryError(),
        RuntimeError("CUDA out of memory"),
    ],
)
def test_what_is_no_mistake_goes_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        used(error)
    assert caught.value is error


def test_a_mistake_that_cannot_say_what_it_is() -> None:
    with pytest.raises(PluginError, match=r"has failed: UnspeakableError: \(it cannot say what\)"):
        used(UnspeakableError())


def test_priorkits_own_mistakes_keep_their_tracebacks() -> None:
    error = RuntimeError("our bug")
    with pytest.raises(RuntimeError) as caught:
        used(error, "priorkit")
    assert caught.value is error


@pytest.mark.parametrize(("value", "strict"), [("1", True), ("0", False), ("", False)])
def test_developers_ask_for_the_error_itself(monkeypatch: pytest.MonkeyPatch, value: str, strict: bool) -> None:
    monkeypatch.setenv("PRIORKIT_STRICT_PLUGINS", value)
    with pytest.raises(RuntimeError if strict else PluginError):
        used(RuntimeError("no luck"))


@pytest.mark.parametrize(
    ("build", "package"),
    [(used, __name__.partition(".")[0]), (pytest.raises, "_pytest"), (print, "builtins")],
)
def test_the_package_that_builds(build: Callable[..., Any], package: str) -> None:
    assert Registered(Component("some", Options, build, "a", "b"), "prior", "acme", "1").package == package


def refused(build: Callable[[], Any], distribution: str = "acme") -> str:
    """What is said of a ValueError of a component's."""
    registered = Registered(Component("some", Options, build, "a prior", "a test"), "prior", distribution, "2.1")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any message
        build()
    return refusal_in_words(registered, caught.value)


def test_a_refusal_of_a_plugins_own_is_told_as_it_is() -> None:
    def build() -> None:
        raise ValueError("give more than 1")

    assert refused(build) == "give more than 1"


def test_what_is_refused_beneath_a_plugin_gets_its_place() -> None:
    def build() -> float:
        return math.log(-1)

    place = f"{__file__}:{build.__code__.co_firstlineno + 1}"
    assert refused(build).endswith(f" (in its plug-in, {place})")
    assert "in its plug-in" not in refused(build, "priorkit")
