"""Compiled methods. These backends need no compiler: what they compile runs operation by operation."""

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.engine import compile_method, require_compiler
from priorkit.errors import ConfigurationError, DeviceError
from priorkit.interfaces import frozen_statistics

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Resets the compiler before each test; too many variants are an error instead of a slowdown."""
    import torch._dynamo as dynamo

    dynamo.reset()
    with dynamo.config.patch(fail_on_recompile_limit_hit=True):
        yield


class Counting:
    """A backend that counts its graphs."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: Any) -> Any:
        self.graphs += 1
        return graph.forward


class Critic(nn.Module):
    """A module that is used by methods and by calls, like an image critic."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.head = nn.Linear(4, 1)

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        return self.trunk[: layer % 2 + 1](image)

    def score(self, features: Tensor) -> Tensor:
        return self.head(features).flatten()

    def forward(self, image: Tensor) -> Tensor:
        return self.score(self.features(image))


def critics(backend: Any) -> tuple[Critic, Critic]:
    torch.manual_seed(3)
    plain, compiled = Critic(), Critic()
    compiled.load_state_dict(plain.state_dict())
    for method in ("features", "score"):
        compile_method(compiled, method, backend=backend)
    return plain, compiled


IMAGES = torch.linspace(-1, 1, 15).view(5, 3)


def test_a_compiled_module_computes_the_same() -> None:
    plain, compiled = critics("aot_eager")
    for layer in (0, -1):
        assert torch.equal(compiled.features(IMAGES, layer), plain.features(IMAGES, layer))
    for critic in (plain, compiled):
        critic(IMAGES).square().sum().backward()
    for one, other in zip(plain.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    assert all(torch.equal(value, compiled.state_dict()[key]) for key, value in plain.state_dict().items())


def test_calls_are_compiled_in_training_and_nowhere_else() -> None:
    backend = Counting()
    plain, compiled = critics(backend)
    compiled(IMAGES)
    assert backend.graphs == 2
    compiled(IMAGES + 1)
    compiled.score(torch.ones(5, 4, requires_grad=True))
    assert backend.graphs == 2
    compiled.load_state_dict(plain.state_dict())
    plain.eval(), compiled.eval()
    for size in range(1, 12):
        assert torch.equal(compiled(IMAGES[:1].expand(size, 3)), plain(IMAGES[:1].expand(size, 3)))
    assert backend.graphs == 2


def test_copies_are_not_compiled_and_share_nothing() -> None:
    backend = Counting()
    plain, compiled = critics(backend)
    twin = copy.deepcopy(compiled)
    copies = [twin, copy.deepcopy(twin), pickle.loads(pickle.dumps(compiled)), pickle.loads(pickle.dumps(twin))]
    with torch.no_grad():
        compiled.head.weight.zero_()
    for one in copies:
        assert torch.equal(one(IMAGES), plain(IMAGES))
        assert one.features.__self__ is one
    assert backend.graphs == 0


def test_modules_that_share_code_do_not_share_the_limit_of_variants() -> None:
    backend = Counting()
    networks = [nn.Sequential(nn.Linear(size, 2), nn.BatchNorm1d(2)) for size in range(1, 5)]
    for network in networks:
        compile_method(network, backend=backend)
        images = torch.ones(4, network[0].in_features)
        for _ in range(2):
            network(images)
            with frozen_statistics(network):
                network(images)
            with torch.no_grad():
                network(images)
    assert backend.graphs == 3 * len(networks)


def test_frozen_statistics_stay_so_when_compiled() -> None:
    _, compiled = critics("aot_eager")
    compiled.features(IMAGES)
    before = copy.deepcopy(compiled.state_dict())
    with frozen_statistics(compiled):
        compiled.features(IMAGES)
    assert all(torch.equal(value, before[key]) for key, value in compiled.state_dict().items())
    compiled.features(IMAGES)
    assert compiled.trunk[1].num_batches_tracked == 2


def broken_backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
    raise RuntimeError("no such thing\nand much more about it")


def test_what_cannot_be_compiled_says_so() -> None:
    _, compiled = critics(broken_backend)
    with pytest.raises(
        ConfigurationError, match=r"--compile: Critic.features .*no such thing.*use --no-compile"
    ) as caught:
        compiled(IMAGES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("module", ["torch._dynamo.exc", "torch._inductor.exc", "elsewhere"])
def test_errors_of_either_compiler_are_explained(module: str) -> None:
    kind = type("SomeError", (RuntimeError,), {"__module__": module})

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        def fails(*inputs: Tensor) -> None:
            raise kind("no code was made")

        return fails

    _, compiled = critics(backend)
    expected = kind if module == "elsewhere" else ConfigurationError
    with pytest.raises(expected, match="no code was made"):
        compiled(IMAGES)


class Choosy(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        if images.shape[1] != 3:
            raise ConfigurationError("three, please")
        return images


def test_errors_of_the_method_itself_are_its_own() -> None:
    module = Choosy()
    compile_method(module, backend="eager")
    module(IMAGES)
    with pytest.raises(ConfigurationError, match=r"^three, please$"):
        module(torch.ones(2, 7))


def test_a_missing_compiler_is_found_before_anything_is_compiled() -> None:
    require_compiler(CPU, backend="aot_eager")
    with pytest.raises(DeviceError, match=r"--compile: .* on cpu here \(.*no such thing.*a C\+\+ compiler") as caught:
        require_compiler(CPU, backend=broken_backend)
    assert "\n" not in str(caught.value)
