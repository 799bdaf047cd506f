"""Recorded phases, without the device that can record them.

A tape stands in for a CUDA graph. Like one, it notes the operations on the tensors that they had, does nothing when it
records, and later does the same operations on the same memory, with no Python of ours in between.
"""

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from priorkit.engine import CudaGraphs, Engine, GraphRecorder, Precision, make_optimizer
from priorkit.engine.cuda_graphs import WARM_UP
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Move, Noise, Phase
from priorkit.registry import installed_plugins
from priorkit.training import Session
from quick_choices import each_component

CPU = torch.device("cpu")
RECIPES = [recipe.name for recipe in installed_plugins().recipes() if "stages" not in recipe.settings]


def tensors_in(*values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


class Operations(TorchDispatchMode):
    """Records every operation, and the contents of the tensors that existed before."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self.before: dict[int, tuple[Tensor, Tensor]] = {}
        self.made: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        for tensor in tensors_in(args, kwargs):
            place = tensor.untyped_storage().data_ptr()
            if place not in self.before and place not in self.made:
                self.before[place] = (tensor, tensor.clone())
        result = func(*args, **kwargs)
        known = {tensor.untyped_storage().data_ptr() for tensor in tensors_in(args, kwargs)}
        self.made |= {tensor.untyped_storage().data_ptr() for tensor in tensors_in(result)} - known
        self.calls.append((func, args, kwargs, result))
        return result


class Tape(GraphRecorder):
    def __init__(self) -> None:
        self.recordings = 0
        self.replays = 0

    def warm_up(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.recordings += 1
        operations, random = Operations(), torch.get_rng_state()
        with operations:
            work()
        torch.set_rng_state(random)
        with torch.no_grad():
            for tensor, value in operations.before.values():
                tensor.copy_(value)

        def replay() -> None:
            self.replays += 1
            with torch.no_grad():
                for func, args, kwargs, result in operations.calls:
                    again = func(*args, **kwargs)
                    for old, new in zip(tensors_in(result), tensors_in(again), strict=True):
                        if old.untyped_storage().data_ptr() != new.untyped_storage().data_ptr():
                            old.copy_(new)

        return replay


def differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    assert set(one) == set(other)
    return [name for name in one if not torch.equal(one[name], other[name])]


CHANGES: list[tuple[dict[str, Any], int]] = [
    ({"clip_norm": 0.5, "simultaneous": True, "reconstruction_weight": 0.5}, 1),
    ({"optimizer": "sgd", "learning_rate": 1e-3, "networks": {"dropout": 0.4}}, 2),
    ({"optimizer": "rmsprop", "precision": "bfloat16", "reconstructions_as_fakes": True}, 2),
]
"""Settings of a run, and how often its last phase takes part."""

SEVERAL = ["aae-supervised", "dcgan", "learned", "learned-unsupervised", "vae", "wgan-gp"]
"""Recipes that cover every system and every kind of condition."""


@pytest.mark.parametrize(
    ("recipe", "changes", "every"),
    [*each_component({}, 1, of=RECIPES), *((recipe, *change) for recipe in SEVERAL for change in CHANGES)],
)
def test_replayed_phases_train_bit_for_bit_as_others_do(
    recipe: str, changes: dict[str, Any], every: int, tiny_session: Callable[..., Session]
) -> None:
    if "networks" in changes and recipe in ("began", "wgan-gp"):
        pytest.skip("these losses need networks that have no dropout")
    if recipe == "wgan-gp" and changes.get("simultaneous"):
        changes = {**changes, "simultaneous": False}  # not possible with several critic steps
    plain, replayed = tiny_session(recipe, **changes), tiny_session(recipe, **changes)
    tape = replayed.engine.recorder = Tape()
    for session in (plain, replayed):
        session.engine.phases[-1].every = every
    steps = every * (WARM_UP + 3)
    for step in range(steps):
        for session in (plain, replayed):
            session.step()
        if step == steps - 3:
            assert plain.engine.losses(reset=True) == replayed.engine.losses(reset=True)
    assert tape.recordings == len(replayed.engine.phases)
    assert tape.replays == sum(steps // phase.every - WARM_UP for phase in replayed.engine.phases)
    assert differing(replayed.weights(), plain.weights()) == []
    assert plain.engine.losses(reset=False) == replayed.engine.losses(reset=False) != {}


def test_a_stage_is_recorded_anew(tiny_session: Callable[..., Session]) -> None:
    changes = {
        "prior": "vampprior",
        "stages": [
            {"phases": ["autoencoder"], "steps": WARM_UP + 2},
            {"phases": ["code-fitting"], "steps": WARM_UP + 1},
            {"phases": ["autoencoder"], "steps": WARM_UP + 2, "learning_rate": 0.003},
        ],
    }
    plain, replayed = tiny_session("vae", **changes), tiny_session("vae", **changes)
    tape = replayed.engine.recorder = Tape()
    while not plain.finished():
        plain.step()
        replayed.step()
    assert (tape.recordings, tape.replays) == (3, 2 + 1 + 2)
    assert differing(replayed.weights(), plain.weights()) == []


def test_a_checkpoint_that_is_loaded_after_recording_is_trained_on(tiny_session: Callable[..., Session]) -> None:
    plain, replayed = tiny_session("learned"), tiny_session("learned")
    tape = replayed.engine.recorder = Tape()
    for _ in range(2):
        plain.step()
    kept = copy.deepcopy((plain.weights(), plain.state()))
    for _ in range(WARM_UP + 2):
        replayed.step()
    replayed.load(*kept)
    for session in (plain, replayed):
        for _ in range(WARM_UP + 2):
            session.step()
    assert tape.recordings == 4
    assert differing(replayed.weights(), plain.weights()) == []
    assert plain.engine.losses(reset=False) == replayed.engine.losses(reset=False)


def test_cuda_graphs_are_warmed_up_and_recorded_on_a_stream_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls come in the order of PyTorch's documentation, on a device that only records them."""
    calls: list[str] = []

    class Stream:
        def __init__(self, name: str) -> None:
            self.name = name

        def wait_stream(self, other: "Stream") -> None:
            calls.append(f"{self.name} waits for {other.name}")

    class Graph:
        def replay(self) -> None:
            calls.append("replay")

    @contextmanager
    def note(what: str) -> Iterator[None]:
        calls.append(what)
        yield
        calls.append(f"end {what}")

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("side"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("main"))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: note(stream.name))
    monkeypatch.setattr(torch.cuda, "device", lambda device: note(str(device)))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(
        torch.cuda,
        "graph",
        lambda graph, stream, capture_error_mode: note(f"recording on {stream.name}, {capture_error_mode}"),
    )

    def work() -> None:
        calls.append("work")
        warnings.warn("This instance was constructed with capturable=True", stacklevel=1)

    graphs = CudaGraphs(torch.device("cuda", 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graphs.warm_up(work)
    assert calls == ["side waits for main", "side", "work", "end side", "main waits for side"]
    calls.clear()
    with pytest.warns(UserWarning, match="capturable"):
        replay = graphs.record(work)
    assert calls == [
        "cuda:1",
        "recording on side, thread_local",
        "work",
        "end recording on side, thread_local",
        "end cuda:1",
    ]
    calls.clear()
    replay()
    assert calls == ["replay"]


# Phases that cannot be replayed are detected.


class OneMove(Phase):
    """Trains a network on its own output."""

    name = "only"
    players = {"player": ("net",)}  # noqa: RUF012

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def noise(self, n: int, generator: torch.Generator, device: torch.device) -> Noise:
        return {"z": torch.randn(n, 1, generator=generator, device=device)}

    def moves(self, images: Tensor, noise: Noise) -> Iterator[Move]:
        yield Move("player", {"loss": (self.network(images.flatten(1)) - noise["z"]).square().mean()})


def engine_of(network: nn.Module, recorder: GraphRecorder) -> Engine:
    optimizer = make_optimizer("adam", network.parameters(), learning_rate=0.1, beta1=0.5, beta2=0.9, weight_decay=0.0)
    precision = Precision(CPU, torch.float32)
    return Engine(
        {"net": network}, {"net": optimizer}, [OneMove(network)], precision=precision, seed=0, recorder=recorder
    )


class Replacing(nn.Linear):
    """Replaces a buffer in every pass, instead of writing into it."""

    def __init__(self, passes: int) -> None:
        super().__init__(4, 1)
        self.passes = passes
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, images: Tensor) -> Tensor:
        for _ in range(self.passes):
            self.seen = 0.9 * self.seen + images.mean(0)
        return super().forward(images)


class Waiting(nn.Linear):
    """Reads a value of a tensor."""

    def forward(self, images: Tensor) -> Tensor:
        output = super().forward(images)
        return output if output.mean().item() < 1e9 else output / 2


class Late(nn.Module):
    """Trains one of its layers only after a while."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 1), nn.Linear(4, 1)
        self.passes = 0

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        output: Tensor = self.first(images)
        return output if self.passes <= WARM_UP else output + self.second(images)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Replacing(1), "net.seen was made or replaced"),
        (Replacing(2), "net.seen was made or replaced"),  # the second buffer may reuse the memory of the first
        (Waiting(4, 1), r"cannot be recorded \(operation not permitted"),
        (Late(), "of the optimiser of net was made or replaced"),
    ],
)
def test_a_phase_that_cannot_be_replayed_is_refused(network: nn.Module, message: str) -> None:
    engine = engine_of(network, Tape())
    for _ in range(WARM_UP):
        engine.step(torch.ones(3, 1, 2, 2))
    with pytest.raises(ConfigurationError, match=rf"--cuda-graphs: .*{message}.*use --no-cuda-graphs") as caught:
        engine.step(torch.ones(3, 1, 2, 2))
    assert "\n" not in str(caught.value)


def replace_weight(engine: Engine) -> None:
    engine.networks["net"].weight.data = engine.networks["net"].weight.data.clone()


def replace_optimiser_state(engine: Engine) -> None:
    engine.optimizers["net"].load_state_dict(copy.deepcopy(engine.optimizers["net"].state_dict()))


def replace_loss_sums(engine: Engine) -> None:
    engine._loss_sums = {key: value.clone() for key, value in engine._loss_sums.items()}


@pytest.mark.parametrize("replace", [replace_weight, replace_optimiser_state, replace_loss_sums])
def test_what_is_replaced_after_recording_is_found_when_losses_are_read(replace: Callable[[Engine], None]) -> None:
    engine = engine_of(nn.Linear(4, 1), Tape())
    for _ in range(WARM_UP + 2):
        engine.step(torch.ones(3, 1, 2, 2))
    engine.losses(reset=True)
    replace(engine)
    engine.step(torch.ones(3, 1, 2, 2))
    with pytest.raises(ConfigurationError, match="was made or replaced after the warm-up of the phase only"):
        engine.losses(reset=True)


def test_a_batch_of_another_size_is_no_input_of_a_recording() -> None:
    engine = engine_of(nn.Linear(4, 1), Tape())
    for _ in range(WARM_UP + 1):
        engine.step(torch.ones(3, 1, 2, 2))
    with pytest.raises(AssertionError, match=r"images: shape \(1, 1, 2, 2\) after \(3, 1, 2, 2\)"):
        engine.step(torch.ones(1, 1, 2, 2))
