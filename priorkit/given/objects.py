"""Objects that Python code gives to a run, as components of a registry of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.config import ComponentChoice, RunConfig
from priorkit.errors import ConfigurationError
from priorkit.given.columns import described
from priorkit.given.image_source import GivenSource
from priorkit.given.modules import fresh
from priorkit.given.networks import GivenNetworks
from priorkit.interfaces import DataSource, Encoder, Networks, Prior
from priorkit.plugins import (
    Component,
    DataContext,
    EncoderContext,
    NetworksContext,
    Options,
    PriorContext,
    nearest,
)
from priorkit.registry import GIVEN, LoadedPlugin, Registry, bare_name

__all__ = ["MODULES", "GivenObjects", "still_given"]

MODULES = ("networks", "encoder", "decoder", "image_critic", "code_critic", "prior")
"""Roles of modules that may be given."""
_PARTS = ("encoder", "decoder", "image_critic", "code_critic")
"""Those that take the place of one network of a family."""


@dataclass(frozen=True)
class GivenObjects:
    """What Python code gives to a run in the place of components that plug-ins supply.

    Attributes:
        data: Images to train on, and what comes with them; None where a data set is named.
        test_data: Held-out images, likewise.
        transform: What changes each training image at random, or None.
        modules: Networks and the prior, by role (`MODULES`).

    Raises:
        ConfigurationError: A role is unknown; or held-out images or a transform come without images.
    """

    data: Any = None
    test_data: Any = None
    transform: Callable[[Tensor], Tensor] | None = None
    modules: Mapping[str, Any] = field(default_factory=dict)
    _whole_encoder: bool = field(init=False, default=False, repr=False)

    def __post_init__(self) -> None:
        # Found out once: a function that makes a large encoder takes time.
        object.__setattr__(self, "_whole_encoder", _is_encoder(self.modules.get("encoder")))
        given = {role: module for role, module in self.modules.items() if module is not None}
        object.__setattr__(self, "modules", given)
        for role in given:
            if role not in MODULES:
                raise ConfigurationError(f"modules: {role!r} is none of {', '.join(MODULES)}{nearest(role, MODULES)}")
        for name in ("test_data", "transform"):
            if self.data is None and getattr(self, name) is not None:
                raise ConfigurationError(f"{name} goes with data, and there is none; give both")
        if self.transform is not None and not callable(self.transform):
            raise ConfigurationError(f"transform: expected a function of an image, not {self.transform!r}")

    def __bool__(self) -> bool:
        return self.data is not None or bool(self.modules)

    def descriptions(self) -> dict[str, str]:
        """What was given, in words, by the name of the argument."""
        objects = {"data": self.data, "test_data": self.test_data}
        found = {name: described(value) for name, value in objects.items() if value is not None}
        named = {"transform": self.transform, **self.modules}
        return {**found, **{name: _name(value) for name, value in named.items() if value is not None}}

    def within(self, registry: Registry) -> Registry:
        """The registry, with a component for each object beside those of the plug-ins."""
        if not self:
            return registry
        components: list[tuple[str, Component[Any]]] = []
        if self.data is not None:
            components.append(("dataset", _component("images of Python code", self._source)))
        if "networks" in self.modules:
            components.append(("networks", _component("networks of Python code", self._networks)))
        elif self._parts():
            components += [("networks", self._completed(item.component)) for item in registry.components("networks")]
        if self._whole_encoder:
            components.append(("encoder", _component("an encoder of Python code", self._encoder)))
        if "prior" in self.modules:
            components.append(("prior", _component("a prior of Python code", self._prior)))
        plugin = LoadedPlugin(GIVEN, GIVEN, "", tuple(components), ())
        given = {**registry.given, **self.descriptions()}
        return Registry([*registry.plugins, plugin], registry.failures, given=given)

    def chosen(self, config: RunConfig) -> RunConfig:
        """The configuration, in which what was given takes the place of what was named.

        Raises:
            ConfigurationError: Both were named and given.
        """
        update: dict[str, Any] = {}
        for role, slot in (("data", "dataset"), ("networks", "networks"), ("prior", "prior")):
            if self.data is not None if role == "data" else role in self.modules:
                update[slot] = ComponentChoice(name=GIVEN)
        if "dataset" in update and config.dataset.name not in (GIVEN, RunConfig.model_fields["dataset"].default.name):
            raise ConfigurationError(
                f"data= gives the images, and dataset={config.dataset.name!r} names others; leave one of them out"
            )
        if self._whole_encoder:
            update["encoder"] = ComponentChoice(name=GIVEN)
        if "networks" not in update and self._parts():
            base = config.networks
            update["networks"] = ComponentChoice(name=f"{GIVEN}:{bare_name(base.name)}", options=base.options)
        return config.model_copy(update=update) if update else config

    def _source(self, options: Options, context: DataContext) -> DataSource:
        return GivenSource(self.data, self.test_data, self.transform, context)

    def _networks(self, options: Options, context: NetworksContext) -> Networks:
        given = self.modules["networks"]
        family = given if isinstance(given, Networks) else given(context.shape) if callable(given) else given
        if not isinstance(family, Networks):
            raise ConfigurationError(
                f"networks: expected a priorkit.interfaces.Networks, or a function from the images' shape to one, not "
                f"{family!r}"
            )
        if family.shape != context.shape:
            raise ConfigurationError(
                f"networks: they are made for images {tuple(family.shape)} (channels, size), and the run's are "
                f"{tuple(context.shape)}; make them for these, or set image_size and channels"
            )
        return self._with_parts(family)

    def _completed(self, component: Component[Any]) -> Component[Any]:
        """A family in which the networks that were given take the place of its own."""

        def build(options: Any, context: NetworksContext) -> Networks:
            return self._with_parts(component.build(options, context))

        return replace(component, build=build)

    def _with_parts(self, family: Networks) -> Networks:
        parts = self._parts()
        return GivenNetworks(family, parts) if parts else family

    def _parts(self) -> dict[str, Any]:
        """The modules that take the place of one network of a family."""
        return {
            role: module
            for role, module in self.modules.items()
            if role in _PARTS and not (role == "encoder" and self._whole_encoder)
        }

    def _encoder(self, options: Options, context: EncoderContext) -> Encoder:
        made = fresh(self.modules["encoder"], "encoder")
        assert isinstance(made, Encoder), "it was told from other modules"
        if made.code_dim != context.code_dim:
            raise ConfigurationError(
                f"encoder: {type(made).__name__} has codes of {made.code_dim} numbers, and the run's have "
                f"{context.code_dim}; set code_dim={made.code_dim}"
            )
        return made

    def _prior(self, options: Options, context: PriorContext) -> Prior:
        made = fresh(self.modules["prior"], "prior")
        if not isinstance(made, Prior):
            raise ConfigurationError(
                f"prior: {type(made).__name__} is no priorkit.interfaces.Prior, which says how codes are drawn and "
                "learned; derive it from that class"
            )
        if made.code_dim != context.code_dim:
            raise ConfigurationError(
                f"prior: {type(made).__name__} has codes of {made.code_dim} dimensions, and the run's have "
                f"{context.code_dim}; set code_dim={made.code_dim}"
            )
        return made


def _component(summary: str, build: Callable[[Any, Any], Any]) -> Component[Any]:
    return Component(GIVEN, Options, build, summary, "given from Python")


def _is_encoder(given: Any) -> bool:
    """Whether a whole `Encoder` was given, or what makes one."""
    if isinstance(given, nn.Module) or given is None or not callable(given):
        return isinstance(given, Encoder)
    if isinstance(given, type):
        return issubclass(given, Encoder)
    try:
        with torch.random.fork_rng(devices=[]):
            return isinstance(given(), Encoder)
    except Exception:
        # Whoever makes it to train it says why it cannot be made.
        return False


def still_given(config: RunConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Which of the objects that were given a run uses, by the names of their arguments.

    A prior that is fitted to a run's codes takes the place of the run's, and needs neither critics nor transform.

    Args:
        config: The run's configuration.
        given: What was given, in words.
    """
    slots = {"data": "dataset", "test_data": "dataset", "transform": "dataset", "prior": "prior"}
    unused = ("transform", "image_critic", "code_critic") if config.fitted_to is not None else ()
    whole = config.encoder.name == GIVEN
    return {
        role: words
        for role, words in given.items()
        if role not in unused
        and ((role == "encoder" and whole) or GIVEN in getattr(config, slots.get(role, "networks")).name.split(":"))
    }


def _name(given: Any) -> str:
    """What was given, in words: the class of a module, the name of a function."""
    kind = given if isinstance(given, type) or not isinstance(given, nn.Module) else type(given)
    name = getattr(kind, "__qualname__", None)
    return f"{kind.__module__}.{name}" if name else type(given).__qualname__
