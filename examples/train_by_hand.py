"""Algorithm 1 of Wang, Peng and Ko 2020 as one loop, without priorkit's phases and engine.

The networks are priorkit's components; the losses and the training loop are written out. The loop computes what
`priorkit train learned --dataset digits --precision float32` does, in the same order and from the same random numbers:
a test compares each loss of each step with the engine's. Symbols are the paper's: x image, z noise, CG code generator,
enc and dec encoder and decoder, D_C and D_I discriminators of codes and of images, F a layer of D_I.

    python examples/train_by_hand.py [STEPS] [PICTURE]
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import priorkit
from priorkit.config import resolve_config
from priorkit.data import load_data, summarise, to_float, to_uint8
from priorkit.engine import DataOrder, seed_for
from priorkit.figures import draw_grid
from priorkit.interfaces import frozen_statistics
from priorkit.models import BuiltSystem, build_system

SETTINGS = {"dataset": "digits", "device": "cpu", "precision": "float32"}


def minimise(loss: Tensor, **players: tuple[nn.Module, torch.optim.Optimizer]) -> None:
    """One move: one optimiser step on this loss, of these networks and no others."""
    weights = [weight for network, _ in players.values() for weight in network.parameters()]
    loss.backward(inputs=weights)
    for _, optimizer in players.values():
        optimizer.step()
        optimizer.zero_grad()


def train(config: priorkit.RunConfig, steps: int) -> Iterator[tuple[dict[str, float], BuiltSystem]]:
    """Trains, and yields the losses of each step with the networks after the step."""
    registry = priorkit.installed_plugins()
    data = load_data(config, registry)
    order = DataOrder(len(data.train), config.seed)

    # The networks, built from the run's seed.
    torch.manual_seed(seed_for(config.seed, "weights"))
    system = build_system(config, registry, summarise(data))
    enc, dec, CG = system.encoder, system.decoder, system.prior
    D_I, D_C = system.image_critic, system.regularizer.critic
    for network in (enc, dec, CG, D_I, D_C):
        network.train()

    # One optimiser for each network, which both phases share.
    def adam(network: nn.Module) -> tuple[nn.Module, torch.optim.Optimizer]:
        betas = (config.beta1, config.beta2)
        return network, torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=betas)

    encoder, decoder, code_generator, image_critic, code_critic = map(adam, (enc, dec, CG, D_I, D_C))

    # -log D and -log(1 - D), where D = sigmoid(logits).
    def is_real(logits: Tensor) -> Tensor:
        return softplus(-logits).mean()

    def is_fake(logits: Tensor) -> Tensor:
        return softplus(logits).mean()

    def F(x: Tensor) -> Tensor:
        return D_I.features(x, -1).flatten(1)

    def draw_z(phase: str) -> Tensor:
        generator = torch.Generator().manual_seed(seed_for(config.seed, phase, seen))
        return CG.noise(config.batch_size, generator=generator)

    for step in range(steps):
        seen = step * config.batch_size
        x = to_float(data.train.take(order.batch(seen, config.batch_size)))

        # Phase 1, autoencoder. enc and dec learn to reconstruct x, while D_C pulls the codes of x towards CG's codes.
        # CG is not trained.
        with torch.no_grad(), frozen_statistics(CG):
            z_c = CG(draw_z("autoencoder"))
        code = enc(x).code

        # D_C ascends L_C = log D_C(z_c) + log(1 - D_C(enc(x)))  (Eq. 5).
        L_C = is_real(D_C(z_c)), is_fake(D_C(code.detach()))
        minimise(sum(L_C), D_C=code_critic)

        # enc descends L_rec - log D_C(enc(x)), and dec descends L_rec = ||F(dec(enc(x))) - F(x)||^2  (Eq. 6).
        with frozen_statistics(D_I, D_C):
            with torch.no_grad():
                wanted = F(x)
            L_rec = (F(dec(code)) - wanted).square().mean(1).mean()
            fooling = is_real(D_C(code))
        minimise(L_rec + fooling, enc=encoder, dec=decoder)

        # Phase 2, prior improvement. CG and dec learn to make images that D_I takes for real. enc is not trained.
        fake = dec(CG(draw_z("prior_improvement")))

        # D_I ascends L_I = log D_I(x) + log(1 - D_I(dec(CG(z))))  (Eq. 4).
        L_I = is_real(D_I(x)), is_fake(D_I(fake.detach()))
        minimise(sum(L_I), D_I=image_critic)

        # CG and dec fool the updated D_I.
        with frozen_statistics(D_I):
            fooling_images = is_real(D_I(fake))
        minimise(fooling_images, CG=code_generator, dec=decoder)

        terms = {
            "autoencoder/critic_real": L_C[0],
            "autoencoder/critic_fake": L_C[1],
            "autoencoder/reconstruction": L_rec,
            "autoencoder/regularization": fooling,
            "prior_improvement/critic_real": L_I[0],
            "prior_improvement/critic_fake": L_I[1],
            "prior_improvement/generator_fake": fooling_images,
        }
        yield {name: float(value.detach()) for name, value in terms.items()}, system


def main(steps: int = 200, picture: str = "by-hand.png") -> None:
    """Trains, prints the losses ten times, and draws samples."""
    config = resolve_config(priorkit.recipe("learned", **SETTINGS), priorkit.installed_plugins())
    for step, (losses, system) in enumerate(train(config, steps), start=1):  # noqa: B007
        if step % max(1, steps // 10) == 0:
            print(f"step {step}:", ", ".join(f"{name} {value:.3f}" for name, value in losses.items()))
    with torch.no_grad():
        samples = system.decoder(system.prior.sample(64, generator=torch.Generator().manual_seed(0)))
    draw_grid(to_uint8(samples)).save(Path(picture))
    print(f"samples in {picture}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
