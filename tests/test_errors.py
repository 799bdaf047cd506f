"""The errors that are raised for users' mistakes."""

import inspect

import pytest

from priorkit import errors
from priorkit.errors import ConfigurationError, NonFiniteLossError, PriorkitError, UnknownComponentError


def test_the_module_exports_every_error() -> None:
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert defined | {"is_out_of_memory"} == set(errors.__all__)


@pytest.mark.parametrize(
    "name", [name for name in errors.__all__ if name not in ("NonFiniteLossError", "is_out_of_memory")]
)
def test_users_mistakes_can_be_caught_together(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, PriorkitError)
    assert issubclass(error, ValueError)
    assert str(error("what was wrong, and how to mend it")) == "what was wrong, and how to mend it"


def test_an_unknown_component_is_a_mistake_in_the_configuration() -> None:
    assert issubclass(UnknownComponentError, ConfigurationError)


def test_a_loss_that_explodes_is_no_mistake_of_the_users() -> None:
    assert issubclass(NonFiniteLossError, ArithmeticError)
    assert not issubclass(NonFiniteLossError, PriorkitError)
