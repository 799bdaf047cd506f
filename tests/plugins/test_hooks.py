"""The hooks that plug-ins implement."""

import inspect

import pytest

import priorkit.interfaces
import priorkit.plugins
from priorkit.config import RunConfig
from priorkit.plugins import KINDS, kind_named
from priorkit.plugins.hooks import GROUP, Hooks


def test_there_is_one_hook_a_kind_and_one_for_recipes() -> None:
    hooks = [name for name in vars(Hooks) if name.startswith("priorkit_")]
    assert hooks == [*(kind.hook for kind in KINDS), "priorkit_recipes"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slot)
def test_a_kind(kind: priorkit.plugins.Kind) -> None:
    hook = getattr(Hooks, kind.hook)
    assert hasattr(hook, f"{GROUP}_spec"), "it is marked as a specification"
    # The documentation names the context that `build` gets and the interface that it returns; both are public.
    words = inspect.getdoc(hook).replace("`", " ").replace(",", " ").replace(")", " ").split()
    (context,) = [word for word in words if word.endswith("Context")]
    assert context in priorkit.plugins.__all__
    returns = inspect.signature(hook).return_annotation
    interface = returns.removeprefix("Iterable[Component[").removesuffix("]]").partition(" | ")[0]
    assert interface in words
    assert interface in priorkit.interfaces.__all__
    assert kind_named(kind.slot) is kind
    assert kind.flag == "--" + kind.slot.replace("_", "-")
    # Each is chosen by a field of a run's configuration.
    assert kind.slot in RunConfig.model_fields


def test_flags_and_titles_are_distinct() -> None:
    for attribute in ("slot", "hook", "title", "flag"):
        assert len({getattr(kind, attribute) for kind in KINDS}) == len(KINDS)


def test_an_unknown_kind() -> None:
    with pytest.raises(KeyError, match="priors"):
        kind_named("priors")
