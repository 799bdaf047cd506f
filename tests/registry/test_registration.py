"""Components that a program registers for itself."""

from typing import Any

import pytest
from pydantic import Field
from torch import Tensor

import priorkit
from priorkit.config import validate_settings
from priorkit.errors import ConfigurationError
from priorkit.interfaces import ReconstructionLoss
from priorkit.plugins import Component, Options, PhaseComponent
from priorkit.registry.registry import installed_plugins

pytestmark = pytest.mark.usefixtures("registrations")


class Scaled(Options):
    factor: float = Field(1.0, description="factor")


class AbsoluteError(ReconstructionLoss):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, reconstruction: Tensor, image: Tensor, image_critic: Any = None) -> Tensor:
        return self.factor * (reconstruction - image).abs().mean()


def build(options: Scaled, context: Any) -> AbsoluteError:
    return AbsoluteError(options.factor)


def test_a_registered_component_trains_a_run(tmp_path: Any, registrations: dict[Any, Any]) -> None:
    assert priorkit.register("loss", "absolute-error", build, options=Scaled) is build
    loss = {"name": "absolute-error", "factor": 2.0}
    config = priorkit.RunConfig(networks={"name": "mlp", "hidden": 8}, loss=loss, steps=2, device="cpu")
    run = priorkit.train(config, tmp_path / "run")
    assert run.environment["components"]["loss"]["distribution"] == "registered"
    assert run.config.loss.options == {"factor": 2.0}
    assert priorkit.load_run(tmp_path / "run").config.loss.name == "absolute-error"
    # As in another process, which has not registered it.
    registrations.clear()
    priorkit.register("loss", "another", build)
    with pytest.raises(ConfigurationError, match=r"first register what a program had registered"):
        priorkit.load_run(tmp_path / "run")


def test_register_is_a_decorator_and_may_be_called_again() -> None:
    for summary in ("first", "second"):

        @priorkit.register("loss", "absolute-error", summary=summary)
        def made(options: Options, context: Any) -> AbsoluteError:
            return AbsoluteError(1.0)

        assert installed_plugins().get("loss", "absolute-error").component.summary == summary


def test_kinds_are_named_as_configurations_and_sentences_name_them() -> None:
    component = Component("mine", Options, build, "a thing", "me")
    for number, kind in enumerate(("adversarial_loss", "adversarial-loss", "phase", "phases", "data set")):
        name = f"mine-{number}"
        priorkit.register(kind, name, build)
    priorkit.register("prior", component)
    assert isinstance(installed_plugins().get("phases", "mine-2").component, PhaseComponent)
    assert installed_plugins().get("dataset", "mine-4").component.name == "mine-4"
    assert validate_settings({"prior": "mine"}).prior.name == "mine"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("priors", "x", build), "unknown kind 'priors'; did you mean 'prior'"),
        (("loss", "Not A Name", build), "is not lower-case words joined by hyphens"),
        (("loss", "pixel", build), "priorkit has a component 'pixel' of this kind; choose another name"),
        (("loss", "given", build), "choose another name"),
        (("loss", "mine", 3), "cannot be called"),
    ],
)
def test_wrong_registrations_are_refused(arguments: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        priorkit.register(*arguments)


def test_options_without_defaults_are_refused() -> None:
    class Needy(Options):
        size: int

    with pytest.raises(ConfigurationError, match="have a field 'size' without a default"):
        priorkit.register("loss", "mine", build, options=Needy)
