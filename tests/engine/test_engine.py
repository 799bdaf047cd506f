"""The engine, with small phases whose updates can be computed by hand."""

import copy
from collections.abc import Callable, Iterator, Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from priorkit.engine import Engine, Precision
from priorkit.errors import NonFiniteLossError
from priorkit.interfaces import Move, Noise, Phase

CPU = torch.device("cpu")
IMAGES = torch.linspace(-1, 1, 4 * 9).view(4, 1, 3, 3)


class Scripted(Phase):
    """A phase made from a function; it records its noise."""

    def __init__(
        self,
        script: Callable[[Tensor, Noise], Iterator[Move]],
        players: Mapping[str, tuple[str, ...]],
        name: str = "scripted",
        every: int = 1,
    ) -> None:
        self.script = script
        self.players = players
        self.name = name
        self.every = every
        self.seen: list[Tensor] = []

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {"z": torch.randn(n, 2, generator=generator, device=device)}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        self.seen.append(noise["z"])
        return self.script(images, noise)


def linear(inputs: int = 9, outputs: int = 2) -> nn.Linear:
    torch.manual_seed(5)
    return nn.Linear(inputs, outputs)


def make_engine(
    networks: Mapping[str, nn.Module],
    phases: list[Phase],
    *,
    learning_rate: float = 1.0,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
    clip_norm: float | None = None,
    simultaneous: bool = False,
    optimizer: type[torch.optim.Optimizer] = torch.optim.SGD,
) -> Engine:
    optimizers = {name: optimizer(network.parameters(), lr=learning_rate) for name, network in networks.items()}
    return Engine(
        networks,
        optimizers,
        phases,
        precision=Precision(CPU, dtype),
        seed=seed,
        clip_norm=clip_norm,
        simultaneous=simultaneous,
    )


def copied(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in network.state_dict().items()}


def same(network: nn.Module, state: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_a_move_trains_its_player_and_nobody_else() -> None:
    networks = {"critic": linear(2, 1), "generator": linear()}

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        # The critic's loss also depends on the generator: nothing is detached here.
        yield Move("critic", {"score": networks["critic"](networks["generator"](images.flatten(1))).mean()})

    engine = make_engine(networks, [Scripted(script, {"critic": ("critic",)})])
    before = {name: copied(network) for name, network in networks.items()}
    engine.step(IMAGES)
    assert same(networks["generator"], before["generator"])
    assert not same(networks["critic"], before["critic"])
    codes = networks["generator"](IMAGES.flatten(1)).detach()
    torch.testing.assert_close(networks["critic"].weight, before["critic"]["weight"] - codes.mean(0, keepdim=True))
    assert all(weight.grad is None for network in networks.values() for weight in network.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("simultaneous", [False, True])
def test_a_later_move_sees_the_trained_player_unless_all_move_at_once(dtype: torch.dtype, simultaneous: bool) -> None:
    """Also in bfloat16, where a cached low-precision copy of the weights would be outdated."""
    critic, generator = linear(2, 1), linear()
    scores: list[Tensor] = []

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        fake = generator(images.flatten(1))
        yield Move("critic", {"critic": critic(fake.detach()).float().square().mean()})
        scores.append(critic(fake).float())
        yield Move("generator", {"generator": scores[-1].mean()})

    players = {"critic": ("critic",), "generator": ("generator",)}
    old, start = copy.deepcopy(critic), copied(generator)
    networks = {"critic": critic, "generator": generator}
    engine = make_engine(networks, [Scripted(script, players)], dtype=dtype, simultaneous=simultaneous)
    first = copy.deepcopy(generator)
    engine.step(IMAGES)
    seen = old if simultaneous else critic
    with engine.precision.autocast():
        fake = first(IMAGES.flatten(1))
        expected = seen(fake).float()
        unexpected = (critic if simultaneous else old)(fake).float()
    assert torch.equal(scores[0], expected)
    assert not torch.allclose(expected, unexpected, atol=0.1)
    # The generator's gradient passed through the updated critic.
    gradient = seen.weight.detach().T @ IMAGES.flatten(1).mean(0, keepdim=True)
    moved = start["weight"] - generator.weight
    torch.testing.assert_close(moved, gradient, rtol=0, atol=1e-6 if dtype == torch.float32 else 2e-2)


def test_gradients_fit_their_weights_in_memory() -> None:
    """Fused optimisers pair weights and gradients by memory layout, without a check."""

    class Transposed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.arange(18.0).view(9, 2) / 18)

        def forward(self) -> Tensor:
            return self.weight.T.flatten()

    network, twin = Transposed(), Transposed()
    target = torch.arange(18.0).cos()

    def loss(module: nn.Module) -> Tensor:
        return (module() - target).square().mean()

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        yield Move("player", {"loss": loss(network)})

    engine = Engine(
        {"net": network},
        {"net": torch.optim.SGD(network.parameters(), 0.1, momentum=0.5, fused=True)},
        [Scripted(script, {"player": ("net",)})],
        precision=Precision(CPU, torch.float32),
        seed=0,
    )
    plain = torch.optim.SGD(twin.parameters(), 0.1, momentum=0.5, fused=False, foreach=False)
    for _ in range(3):
        engine.step(IMAGES)
        plain.zero_grad()
        loss(twin).backward()
        plain.step()
    torch.testing.assert_close(network.weight, twin.weight)


class Sum(nn.Module):
    """Two weights with the same gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(3))
        self.second = nn.Parameter(torch.zeros(3))

    def forward(self) -> Tensor:
        return (self.first + self.second).sum()


def test_a_scale_is_applied_once_to_each_weight_of_the_network_it_names() -> None:
    networks = {"scaled": Sum(), "plain": Sum()}

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        yield Move("both", {"loss": networks["scaled"]() + networks["plain"]()}, {"scaled": 0.5})

    make_engine(networks, [Scripted(script, {"both": ("scaled", "plain")})]).step(IMAGES)
    for weight in networks["scaled"].parameters():
        assert torch.equal(weight, torch.full((3,), -0.5))
    for weight in networks["plain"].parameters():
        assert torch.equal(weight, torch.full((3,), -1.0))


@pytest.mark.parametrize(("clip_norm", "factor"), [(0.5, 0.5 / 6**0.5), (100.0, 1.0), (None, 1.0)])
def test_the_gradient_of_each_network_is_clipped_apart(clip_norm: float | None, factor: float) -> None:
    networks = {"small": linear(1, 1), "large": Sum()}

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        yield Move("both", {"loss": 0.01 * networks["small"].weight.sum() + networks["large"]()})

    before = networks["small"].weight.item()
    make_engine(networks, [Scripted(script, {"both": ("small", "large")})], clip_norm=clip_norm).step(IMAGES)
    assert networks["small"].weight.item() == pytest.approx(before - 0.01)
    for weight in networks["large"].parameters():
        torch.testing.assert_close(weight, torch.full((3,), -factor))


def test_a_scale_comes_before_the_clip() -> None:
    network = Sum()

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        yield Move("player", {"loss": network()}, {"net": 0.1})

    make_engine({"net": network}, [Scripted(script, {"player": ("net",)})], clip_norm=1.0).step(IMAGES)
    torch.testing.assert_close(network.first, torch.full((3,), -0.1))


def test_weights_that_a_loss_does_not_use_stand_still() -> None:
    network = nn.ModuleDict({"used": linear(), "unused": linear(), "frozen": linear().requires_grad_(False)})

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        codes = network["used"](images.flatten(1)) + network["frozen"](images.flatten(1))
        yield Move("player", {"loss": codes.square().mean()})

    # Momentum and weight decay of an optimiser would move weights whose gradient is zero.
    engine = make_engine({"net": network}, [Scripted(script, {"player": ("net",)})], optimizer=torch.optim.AdamW)
    before = {name: copied(part) for name, part in network.items()}
    for _ in range(2):
        engine.step(IMAGES)
    assert not same(network["used"], before["used"])
    assert same(network["unused"], before["unused"])
    assert same(network["frozen"], before["frozen"])


def test_terms_add_up_and_are_reported_apart() -> None:
    network = linear(1, 1)

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        weight = network.weight.sum()
        yield Move("player", {"once": weight, "twice": 2 * weight})

    engine = make_engine({"net": network}, [Scripted(script, {"player": ("net",)})], learning_rate=0.5)
    assert engine.losses(reset=False) == {}
    start = network.weight.item()
    engine.step(IMAGES)
    assert network.weight.item() == pytest.approx(start - 1.5)
    engine.step(IMAGES)
    mean = start - 0.75
    expected = {"scripted/once": pytest.approx(mean), "scripted/twice": pytest.approx(2 * mean)}
    assert engine.losses(reset=False) == expected
    assert engine.losses(reset=True) == expected
    assert engine.losses(reset=True) == {}
    engine.step(IMAGES)
    assert engine.losses(reset=True)["scripted/once"] == pytest.approx(start - 3.0)


def test_terms_of_one_name_are_averaged_over_the_moves_of_a_step() -> None:
    network = linear(1, 1)

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        for factor in (1.0, 3.0):
            yield Move("player", {"loss": factor * network.weight.sum()})

    engine = make_engine({"net": network}, [Scripted(script, {"player": ("net",)})], learning_rate=1e-9)
    engine.step(IMAGES)
    assert engine.losses(reset=False) == {"scripted/loss": pytest.approx(2 * network.weight.item())}


def test_a_state_that_was_taken_or_given_does_not_change_with_the_engine() -> None:
    network = linear(1, 1)

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        yield Move("player", {"loss": network.weight.sum()})

    engine = make_engine({"net": network}, [Scripted(script, {"player": ("net",)})])
    engine.step(IMAGES)
    state = engine.state_dict()
    kept = {key: value.clone() for key, value in state["loss_sums"].items()}
    engine.step(IMAGES)
    assert state["loss_sums"] == kept
    engine.load_state_dict(state)
    engine.step(IMAGES)
    assert state["loss_sums"] == kept
    engine.losses(reset=True)
    assert engine.state_dict()["loss_sums"] == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_is_an_error(value: float) -> None:
    network = linear(1, 1)

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        yield Move("player", {"fine": network.weight.sum(), "broken": network.weight.sum() * value})

    engine = make_engine({"net": network}, [Scripted(script, {"player": ("net",)})])
    engine.step(IMAGES)
    with pytest.raises(NonFiniteLossError, match=r"scripted/broken became .*step 1: training diverged$") as caught:
        engine.losses(reset=True)
    assert "\n" not in str(caught.value)


def idle(images: Tensor, noise: Noise) -> Iterator[Move]:
    return iter(())


def test_a_phase_takes_part_at_its_cadence() -> None:
    phases = [Scripted(idle, {}, "always"), Scripted(idle, {}, "seldom", every=3)]
    engine = make_engine({}, list(phases))
    for _ in range(7):
        engine.step(IMAGES)
    assert [len(phase.seen) for phase in phases] == [7, 3]
    assert (engine.steps, engine.images_seen) == (7, 28)


def noise_of(name: str, seed: int, sizes: list[int]) -> list[Tensor]:
    phase = Scripted(idle, {}, name)
    engine = make_engine({}, [phase], seed=seed)
    for size in sizes:
        torch.rand(3)
        engine.step(torch.zeros(size, 1, 3, 3))
    return phase.seen


def test_noise_is_a_function_of_seed_phase_and_images_seen() -> None:
    torch.manual_seed(1)
    first = noise_of("a", 0, [4, 4, 4])
    torch.manual_seed(2)
    again = noise_of("a", 0, [4, 4, 4])
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], noise_of("b", 0, [4])[0])
    assert not torch.equal(first[0], noise_of("a", 1, [4])[0])
    # After 8 images in one step instead of two, the noise is the same.
    assert torch.equal(first[2], noise_of("a", 0, [8, 4])[1])


def test_modules_that_draw_their_own_noise_repeat_it() -> None:
    draws: list[Tensor] = []

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        draws.append(functional.dropout(torch.ones(50)))
        return iter(())

    for global_seed in (1, 2):
        engine = make_engine({}, [Scripted(script, {})])
        torch.manual_seed(global_seed)
        engine.step(IMAGES)
        engine.step(IMAGES)
    assert torch.equal(draws[0], draws[2])
    assert torch.equal(draws[1], draws[3])
    assert not torch.equal(draws[0], draws[1])


def test_a_restored_engine_goes_on_in_the_same_way() -> None:
    def make(network: nn.Module) -> Engine:
        def script(images: Tensor, noise: Noise) -> Iterator[Move]:
            yield Move("player", {"loss": (network(images.flatten(1)) - noise["z"]).square().mean()})

        phase = Scripted(script, {"player": ("net",)}, every=2)
        return make_engine({"net": network}, [phase], learning_rate=0.1, optimizer=torch.optim.Adam)

    whole = make(linear())
    for _ in range(7):
        whole.step(IMAGES)
    first = make(linear())
    for _ in range(3):
        first.step(IMAGES)
    second = make(nn.Linear(9, 2))
    second.networks["net"].load_state_dict(copied(first.networks["net"]))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for _ in range(4):
        second.step(IMAGES)
    assert same(second.networks["net"], copied(whole.networks["net"]))
    assert second.losses(reset=False) == whole.losses(reset=False)
    assert (second.steps, second.images_seen) == (whole.steps, whole.images_seen)


def test_a_step_runs_without_data_on_the_meta_device() -> None:
    network = nn.Linear(9, 2, device="meta")

    def script(images: Tensor, noise: Noise) -> Iterator[Move]:
        assert noise["z"].device.type == "meta"
        yield Move("player", {"loss": (network(images.flatten(1)) - noise["z"]).square().mean()})

    engine = Engine(
        {"net": network},
        {"net": torch.optim.Adam(network.parameters())},
        [Scripted(script, {"player": ("net",)})],
        precision=Precision(torch.device("meta"), torch.float32),
        seed=0,
        clip_norm=1.0,
    )
    engine.step(IMAGES.to("meta"))
    assert engine.optimizers["net"].state[network.weight]["exp_avg"].shape == (2, 9)


@pytest.mark.parametrize(("key", "given"), [("fused", True), ("foreach", True), ("capturable", True)])
def test_a_restored_optimiser_keeps_the_kernels_of_its_own_device(key: str, given: bool) -> None:
    first, second = (make_engine({"net": linear()}, [], optimizer=torch.optim.Adam) for _ in range(2))
    own = second.optimizers["net"].param_groups[0][key]
    state = first.state_dict()
    state["optimizers"]["net"]["param_groups"][0].update({key: given, "lr": 0.25})
    second.load_state_dict(state)
    (group,) = second.optimizers["net"].param_groups
    assert group[key] == own != given
    assert group["lr"] == 0.25
    assert state["optimizers"]["net"]["param_groups"][0][key] == given
