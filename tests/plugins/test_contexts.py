"""What components are told when they are built."""

import dataclasses
import inspect

import pytest

from priorkit.plugins import DataContext, contexts
from priorkit.plugins.contexts import CodeGeneratorContext, LossContext

CONTEXTS = [getattr(contexts, name) for name in contexts.__all__]


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.__name__)
def test_contexts_do_not_change_and_are_documented(context: type) -> None:
    assert context.__dataclass_params__.frozen
    documentation = inspect.getdoc(context)
    for field in dataclasses.fields(context):
        assert f"    {field.name}: " in documentation


def test_contexts_compare_by_value() -> None:
    assert CodeGeneratorContext(3, 4) == CodeGeneratorContext(noise_dim=3, code_dim=4, condition_dim=0)
    assert DataContext() != DataContext(seed=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        LossContext((1, 16)).shape = (3, 16)
