"""Objects that Python code gives to a run, as components of the run's own registry."""

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
"""Roles of modules that replace one network of a family."""


@dataclass(frozen=True)
class GivenObjects:
    """Objects from Python code that replace components of plug-ins in a run.

    Attributes:
        data: Training images, with their labels, captions and embeddings; None if the configuration names the data set.
        test_data: Held-out images in the same forms; or None.
        transform: Random augmentation of training images; or None.
        modules: Networks and the prior, by role (`MODULES`).

    Raises:
        ConfigurationError: A role is unknown; or held-out images or a transform are given without training images.
    """

    data: Any = None
    test_data: Any = None
    transform: Callable[[Tensor], Tensor] | None = None
    modules: Mapping[str, Any] = field(default_factory=dict)
    _whole_encoder: bool = field(init=False, default=False, repr=False)

    def __post_init__(self) -> None:
        # Determined once, because a function that makes a large encoder takes time.
        object.__setattr__(self, "_whole_encoder", _is_encoder(self.modules.get("encoder")))
        given = {role: module for role, module in self.modules.items() if module is not None}
        object.__setattr__(self, "modules", given)
        for role in given:
            if role not in MODULES:
                raise ConfigurationError(
                    f"modules: {role!r} is not one of {', '.join(MODULES)}{nearest(role, MODULES)}"
                )
        for name in ("test_data", "transform"):
            if self.data is None and getattr(self, name) is not None:
                raise ConfigurationError(f"{name} needs data, which is not given; give both")
        if self.transform is not None and not callable(self.transform):
            raise ConfigurationError(f"transform: expected a function of an image, not {self.transform!r}")

    def __bool__(self) -> bool:
        return self.data is not None or bool(self.modules)

    def descriptions(self) -> dict[str, str]:
        """Descriptions of the given objects, in words, by the name of the argument."""
        objects = {"data": self.data, "test_data": self.test_data}
        found = {name: described(value) for name, value in objects.items() if value is not None}
        named = {"transform": self.transform, **self.modules}
        return {**found, **{name: _name(value) for name, value in named.items() if value is not None}}

    def within(self, registry: Registry) -> Registry:
        """Returns the registry with an additional component for each object."""
        if not self:
            return registry
        components: list[tuple[str, Component[Any]]] = []
        if self.data is not None:
            components.append(("dataset", _component("images from Python code", self._source)))
        if "networks" in self.modules:
            components.append(("networks", _component("networks from Python code", self._networks)))
        elif self._parts():
            components += [("networks", self._completed(item.component)) for item in registry.components("networks")]
        if self._whole_encoder:
            components.append(("encoder", _component("an encoder from Python code", self._encoder)))
        if "prior" in self.modules:
            components.append(("prior", _component("a prior from Python code", self._prior)))
        plugin = LoadedPlugin(GIVEN, GIVEN, "", tuple(components), ())
        given = {**registry.given, **self.descriptions()}
        return Registry([*registry.plugins, plugin], registry.failures, given=given)

    def chosen(self, config: RunConfig) -> RunConfig:
        """Returns the configuration with given objects in place of named components.

        Raises:
            ConfigurationError: A component is both named and given.
        """
        update: dict[str, Any] = {}
        for role, slot in (("data", "dataset"), ("networks", "networks"), ("prior", "prior")):
            if self.data is not None if role == "data" else role in self.modules:
                update[slot] = ComponentChoice(name=GIVEN)
        if "dataset" in update and config.dataset.name not in (GIVEN, RunConfig.model_fields["dataset"].default.name):
            raise ConfigurationError(
                f"data= gives the images, but dataset={config.dataset.name!r} names others; leave one of them out"
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
                f"networks: expected a priorkit.interfaces.Networks, or a function of the images' shape, not {family!r}"
            )
        if family.shape != context.shape:
            raise ConfigurationError(
                f"networks: they are for images {tuple(family.shape)} (channels, size), but the run's images are "
                f"{tuple(context.shape)}; make them for these, or set image_size and channels"
            )
        return self._with_parts(family)

    def _completed(self, component: Component[Any]) -> Component[Any]:
        """Returns a family of networks in which the given networks replace its own."""

        def build(options: Any, context: NetworksContext) -> Networks:
            return self._with_parts(component.build(options, context))

        return replace(component, build=build)

    def _with_parts(self, family: Networks) -> Networks:
        parts = self._parts()
        return GivenNetworks(family, parts) if parts else family

    def _parts(self) -> dict[str, Any]:
        """Returns the given modules that replace one network of a family."""
        return {
            role: module
            for role, module in self.modules.items()
            if role in _PARTS and not (role == "encoder" and self._whole_encoder)
        }

    def _encoder(self, options: Options, context: EncoderContext) -> Encoder:
        made = fresh(self.modules["encoder"], "encoder")
        assert isinstance(made, Encoder), "_is_encoder has checked it"
        if made.code_dim != context.code_dim:
            raise ConfigurationError(
                f"encoder: {type(made).__name__} has codes of {made.code_dim} numbers, but the run's have "
                f"{context.code_dim}; set code_dim={made.code_dim}"
            )
        return made

    def _prior(self, options: Options, context: PriorContext) -> Prior:
        made = fresh(self.modules["prior"], "prior")
        if not isinstance(made, Prior):
            raise ConfigurationError(
                f"prior: {type(made).__name__} is not a priorkit.interfaces.Prior, which says how codes are drawn and "
                "learned; derive it from that class"
            )
        if made.code_dim != context.code_dim:
            raise ConfigurationError(
                f"prior: {type(made).__name__} has codes of {made.code_dim} dimensions, but the run's have "
                f"{context.code_dim}; set code_dim={made.code_dim}"
            )
        return made


def _component(summary: str, build: Callable[[Any, Any], Any]) -> Component[Any]:
    return Component(GIVEN, Options, build, summary, "given from Python")


def _is_encoder(given: Any) -> bool:
    """Whether an `Encoder`, or a factory of one, is given."""
    if isinstance(given, nn.Module) or given is None or not callable(given):
        return isinstance(given, Encoder)
    if isinstance(given, type):
        return issubclass(given, Encoder)
    try:
        with torch.random.fork_rng(devices=[]):
            return isinstance(given(), Encoder)
    except Exception:
        # The error is reported later, when the module is made for training.
        return False


def still_given(config: RunConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Returns the given objects that a run still uses, by the names of their arguments.

    A prior that is fitted to a run's codes replaces the run's own, and needs neither critics nor the transform.

    Args:
        config: The run's configuration.
        given: Descriptions of the objects that the autoencoder's run was given.
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
    """Describes an object in words: the class of a module, the name of a function."""
    kind = given if isinstance(given, type) or not isinstance(given, nn.Module) else type(given)
    name = getattr(kind, "__qualname__", None)
    return f"{kind.__module__}.{name}" if name else type(given).__qualname__
