"""Recovery of codes from the images decoded from them."""

from collections.abc import Iterator

import torch
from priorkit.interfaces import Move, Noise, Phase, System, frozen_statistics
from torch import Tensor

__all__ = ["PlugInNamePhase"]


class PlugInNamePhase(Phase):
    """Trains the encoder on E ||enc(dec(z)) - z||^2 for codes z of the prior, averaged over their dimensions.

    Args:
        system: The system that is trained; it has an encoder.
        weight: Weight of the distance, above 0.
    """

    name = "plug_in_name"

    def __init__(self, system: System, weight: float = 1.0) -> None:
        self.system = system
        self.weight = weight
        self.players = {"encoder": ("encoder",)}

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        """`prior`: the noise of n codes; `condition` (n, dim) if the run has a random condition."""
        noise = {"prior": self.system.prior.noise(n, generator=generator, device=device)}
        condition = self.system.condition
        if condition is not None and not condition.from_data:
            noise["condition"] = condition.draw(n, generator=generator, device=device)
        return noise

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        """One move of the encoder."""
        system = self.system
        assert system.encoder is not None, "the plug-in builds this phase only where there is an encoder"
        # Prior and decoder are not trained here: this pass must not change their running statistics.
        with torch.no_grad(), frozen_statistics(system.prior, system.decoder):
            code = system.prior_codes(noise["prior"], noise.get("condition"))
            decoded = system.decoder(code)
        with frozen_statistics(system.encoder):
            found = system.encoder(decoded).mean
        distance = (found.float() - code.float()).square().mean()
        yield Move("encoder", {"codes_found": self.weight * distance})
