"""Which line of a plug-in an error comes from."""

import functools
import importlib
import json
import traceback
from typing import Any

import pytest

from priorkit.registry.blame import SourcePlace, error_in_words, place_of, place_of_code, raised_by, traceback_of


class UnspeakableError(Exception):
    """Whatever it is asked for, it would end the program."""

    def __str__(self) -> str:
        raise SystemExit(3)

    __notes__ = property(__str__)


def raised(call: Any) -> BaseException:
    """What a call raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - whatever it is
        call()
    return caught.value


def installed(folder: Any, source: str) -> Any:
    return importlib.import_module(folder.install("acme", source))


def test_the_innermost_line_of_the_plugin_counts(plugin_folder: Any) -> None:
    module = installed(plugin_folder, "import json\n\ndef read(text):\n    return json.loads(text)\n")
    error = raised(lambda: module.read("{"))
    assert traceback.extract_tb(error.__traceback__)[-1].filename == json.decoder.__file__
    assert place_of(error, module.__name__) == SourcePlace(module.__file__, 4)


def test_a_line_of_what_it_calls_does_not_count_if_there_is_one_of_its_own(plugin_folder: Any) -> None:
    below = installed(plugin_folder, "def fail():\n    raise RuntimeError\n")
    above = installed(plugin_folder, f"import {below.__name__}\n\ndef fail():\n\n    {below.__name__}.fail()\n")
    error = raised(above.fail)
    assert place_of(error, above.__name__) == SourcePlace(above.__file__, 5)
    assert place_of(error, "another") == SourcePlace(below.__file__, 2)


def test_some_errors_have_no_line_of_a_plugin() -> None:
    error = raised(lambda: json.loads("{"))
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    # This file's own lambda is left out with the first frame.
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error.__traceback__ = error.__traceback__.tb_next
    assert place_of(error, "acme") is None


def test_what_exec_has_made_lies_in_no_file(plugin_folder: Any) -> None:
    module = installed(plugin_folder, "\ndef fail():\n    exec('def f():\\n    1 / 0\\nf()')\n")
    assert place_of(raised(module.fail), module.__name__) == SourcePlace(module.__file__, 3)
    module = installed(plugin_folder, "\ndef fail():\n    compile('def (', '<text>', 'exec')\n")
    assert place_of(raised(module.fail), module.__name__) == SourcePlace(module.__file__, 3)


def test_a_syntax_error_is_where_it_is_written(plugin_folder: Any) -> None:
    wrong = plugin_folder.install("acme", "\n\ndef (:\n")
    module = installed(plugin_folder, f"def fail():\n    import {wrong}\n")
    assert place_of(raised(module.fail), module.__name__) == SourcePlace(str(plugin_folder.path / f"{wrong}.py"), 3)


RAISES = """import json, math

def check(x):
    if x < 1:
        raise ValueError("give more than 1")

def again(x):
    try:
        math.log(x)
    except ValueError as error:
        raise ValueError("give more than 0") from error

def logarithm(x):
    return math.log(x)

def number(x):
    return int("x")

def read(x):
    return json.loads("{")

def unpack(x):
    first, second = [x]
"""


@pytest.mark.parametrize(
    ("function", "on_purpose"),
    [("check", True), ("again", True), ("logarithm", False), ("number", False), ("read", False), ("unpack", False)],
)
def test_a_statement_of_the_plugins_own_is_told_from_what_it_calls(
    plugin_folder: Any, function: str, on_purpose: bool
) -> None:
    module = installed(plugin_folder, RAISES)
    error = raised(lambda: getattr(module, function)(-1))
    assert isinstance(error, ValueError)
    assert raised_by(error, module.__name__) == on_purpose
    assert not raised_by(error, "another")


def test_an_error_that_was_never_raised_is_nobodys() -> None:
    assert not raised_by(ValueError("no luck"), "acme")


def test_places_of_code(plugin_folder: Any) -> None:
    module = installed(plugin_folder, "class Plugin:\n    def hook(self):\n        pass\n\nplugin = Plugin()\n")
    assert place_of_code(module) == SourcePlace(module.__file__)
    assert place_of_code(module.plugin) == SourcePlace(module.__file__)
    assert place_of_code(module.plugin.hook) == SourcePlace(module.__file__, 2)
    assert place_of_code(3) is None
    assert place_of_code(functools.partial(print)) == SourcePlace(functools.__file__)
    assert [str(place) for place in (SourcePlace("a.py"), SourcePlace("a.py", 3))] == ["a.py", "a.py:3"]


def test_errors_in_words() -> None:
    assert error_in_words(RuntimeError()) == "RuntimeError"
    assert error_in_words(RuntimeError("two\nlines")) == "RuntimeError: two lines"
    assert error_in_words(UnspeakableError()) == "UnspeakableError: (it cannot say what)"
    assert len(error_in_words(RuntimeError("x" * 10_000))) == 500


def test_tracebacks_have_the_cause() -> None:
    def fail() -> None:
        try:
            json.loads("{")
        except ValueError as error:
            raise RuntimeError("below") from error

    text = traceback_of(raised(fail))
    assert "JSONDecodeError" in text
    assert text.endswith("RuntimeError: below\n")


def test_some_errors_have_no_words_for_a_traceback() -> None:
    def fail() -> None:
        raise UnspeakableError

    first, *_, last = traceback_of(raised(fail)).splitlines()
    assert (first, last) == ("Traceback (most recent call last):", "UnspeakableError: (it cannot say what)")
