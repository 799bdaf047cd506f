"""The system built from a configuration, with the stages that train it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from priorkit.interfaces import Batch, Learning, Recovery, System
from priorkit.models.guarded_phase import ChosenPhase
from priorkit.models.phase_contract import networks_of
from priorkit.models.stages import PlannedStage

__all__ = ["BuiltSystem", "tensors_below"]


def tensors_below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with `prefix/`, by the rest of their names."""
    start = prefix + "/"
    return {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}


@dataclass
class BuiltSystem(System):
    """A system with the stages that train it.

    Attributes:
        stages: The stages of its run, at least one once it is built.
        fits_codes: Whether the autoencoder is that of another run, and is frozen in every stage.
    """

    stages: tuple[PlannedStage, ...] = ()
    fits_codes: bool = False

    @property
    def chosen(self) -> tuple[ChosenPhase, ...]:
        """The phases of all stages, each once."""
        return tuple({id(item): item for stage in self.stages for item in stage.chosen}.values())

    @property
    def takes_codes(self) -> bool:
        """Whether some stage trains on codes, as all stages of a fit do, even without phases."""
        return self.fits_codes or any(stage.batch is not Batch.IMAGES for stage in self.stages)

    def _all_modules(self) -> dict[str, nn.Module]:
        named: dict[str, nn.Module | None] = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "prior": self.prior,
            "regularizer": self.regularizer,
            "image_critic": self.image_critic,
            "recogniser": self.recogniser,
            "condition": self.condition,
            "loss": self.loss,
            "adversarial_loss": self.adversarial_loss,
            **self._networks_of_phases(),
        }
        return {name: module for name, module in named.items() if module is not None}

    def _networks_of_phases(self) -> dict[str, nn.Module]:
        return {name: network for item in self.chosen for name, network in item.phase.networks.items()}

    def modules(self) -> dict[str, nn.Module]:
        """Every module with a state, by name."""
        return {name: module for name, module in self._all_modules().items() if module.state_dict()}

    def trained(self) -> dict[str, nn.Module]:
        """The networks that some phase of some stage trains, by the names that moves use."""
        names = {name for stage in self.stages for name in stage.trains()}
        networks = {**networks_of(self), **self._networks_of_phases()}
        return {name: network for name, network in networks.items() if name in names}

    def averaged(self) -> dict[str, nn.Module]:
        """The networks whose averages are used: encoder, decoder, and a prior that learns.

        Also D_I and Q if Q learns without labels: its classes are not anchored by labels and drift from step to step.
        The encoder comes first: a prior that refers to it is copied so that it refers to the copy.
        """
        trained = self.trained()
        # A prior that is fitted at once has nothing to average, and its copy would not be fitted.
        learns = self.prior.learning not in (Learning.FIXED, Learning.ALL_CODES)
        networks = {
            name: network
            for name, network in trained.items()
            if name in ("encoder", "decoder") or (name == "prior" and learns)
        }
        if self.condition is not None and self.condition.recovery is Recovery.SELF_LABELLED:
            assert self.image_critic is not None, "what is recovered needs D_I"
            assert self.recogniser is not None, "what is recovered needs Q"
            networks.update(image_critic=self.image_critic, recogniser=self.recogniser)
        return networks

    def to(self, device: torch.device, *, channels_last: bool) -> None:
        """Moves everything to a device; convolutions' weights are channels-last if requested."""
        # Modules without a state may have tensors, too: non-persistent buffers.
        for module in self._all_modules().values():
            module.to(device)
            if channels_last and any(weight.ndim == 4 for weight in module.parameters()):
                module.to(memory_format=torch.channels_last)

    def state(self) -> dict[str, Tensor]:
        """Every tensor of every module, by `module/tensor`."""
        return {
            f"{name}/{key}": value
            for name, module in self.modules().items()
            for key, value in module.state_dict().items()
        }

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Restores the result of `state`.

        Raises:
            KeyError, RuntimeError: The tensors are those of another configuration.
        """
        for name, module in self.modules().items():
            module.load_state_dict(tensors_below(name, tensors))
