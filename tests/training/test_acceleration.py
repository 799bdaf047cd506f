"""Options that speed up training without changing its results."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from priorkit.config import RunConfig
from priorkit.distributed import Processes
from priorkit.errors import ConfigurationError, DeviceError
from priorkit.models.system import BuiltSystem
from priorkit.testing.traced_forward import traced_forward
from priorkit.training import Session
from priorkit.training.acceleration import choose_recorder, compile_system
from quick_choices import each_component, every_recipe

# With one step of plain gradient descent, comparing weights compares gradients.
DESCENT = {"optimizer": "sgd", "beta1": 0.0, "learning_rate": 0.1, "average": 0.5}


@pytest.fixture
def graphs() -> Iterator[Callable[[], int]]:
    """Returns the number of compiled graphs; too many variants, or code that is not compiled, are an error."""
    import torch._dynamo as dynamo
    from torch._dynamo.utils import counters

    dynamo.reset()
    counters.clear()
    with dynamo.config.patch(fail_on_recompile_limit_hit=True):
        yield lambda: counters["stats"]["unique_graphs"]
    frames = counters["frames"]
    assert frames["ok"] == frames["total"] > 0
    dynamo.reset()


def assert_close(one: Session, other: Session, tolerance: float) -> None:
    torch.testing.assert_close(dict(one.weights()), dict(other.weights()), rtol=tolerance, atol=tolerance)


@pytest.mark.whole
@pytest.mark.parametrize("recipe", each_component())
def test_compiled_networks_have_the_same_gradients(
    recipe: str, tiny_session: Callable[..., Session], graphs: Callable[[], int]
) -> None:
    plain, compiled = tiny_session(recipe, **DESCENT), tiny_session(recipe, **DESCENT)
    # Recipes differ in the traced functions and their arguments.
    compile_system(compiled.system, backend="aot_eager" if recipe == "learned" else traced_forward)
    for session in (plain, compiled):
        session.step()
    assert_close(compiled, plain, 1e-6)
    # The first step uses the networks in every way. A review uses the uncompiled networks.
    found = graphs()
    compiled.review()
    for session in (plain, compiled):
        session.step()
    assert graphs() == found
    assert_close(compiled, plain, 1e-5)


def test_critics_with_a_gradient_penalty_stay_as_they_are(
    tiny_session: Callable[..., Session], graphs: Callable[[], int]
) -> None:
    changes = {"adversarial_loss": "wasserstein-gp", "networks": {"name": "dcgan", "width": 2, "critic_norm": "none"}}
    plain, compiled = (tiny_session("learned", **DESCENT, **changes) for _ in range(2))
    compile_system(compiled.system, backend="aot_eager")
    for session in (plain, compiled):
        session.step()
    assert_close(compiled, plain, 1e-5)


def test_compiled_networks_compute_in_the_precision_of_the_run(
    tiny_session: Callable[..., Session], graphs: Callable[[], int]
) -> None:
    sessions = [tiny_session("aae", **DESCENT, precision=name) for name in ("bfloat16", "bfloat16", "float32")]
    compile_system(sessions[0].system, backend="aot_eager")
    for session in sessions:
        session.step()
    compiled, plain, exact = (session.engine.losses(reset=False) for session in sessions)
    assert compiled == pytest.approx(plain, rel=1e-3)
    assert compiled != pytest.approx(exact, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", every_recipe())
@pytest.mark.parametrize("networks", ["normed", {"name": "residual", "width": 2}, {"name": "dcgan", "width": 2}])
def test_compiled_runs_have_the_same_gradients(
    recipe: str, networks: Any, tiny_session: Callable[..., Session], graphs: Callable[[], int]
) -> None:
    plain = tiny_session(recipe, **DESCENT, networks=networks)
    compiled = tiny_session(recipe, **DESCENT, networks=networks, compile=True)
    for session in (plain, compiled):
        session.step()
    assert_close(compiled, plain, 1e-4)


def test_a_session_compiles_and_records_only_if_asked(
    tiny_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[BuiltSystem] = []
    monkeypatch.setattr("priorkit.training.session.compile_system", compiled.append)
    session = tiny_session("vae")
    assert compiled == []
    assert session.engine.recorder is None
    session = tiny_session("vae", compile=True)
    assert compiled == [session.system]
    with pytest.raises(DeviceError, match="--cuda-graphs: "):
        tiny_session("vae", cuda_graphs=True)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_only_cuda_devices_record(device: str, tiny_config: Callable[..., RunConfig]) -> None:
    with pytest.raises(DeviceError, match=f"--cuda-graphs: .* on {device}, .*use --no-cuda-graphs"):
        choose_recorder(tiny_config(cuda_graphs=True), torch.device(device))


def test_what_recording_does_not_go_with(tiny_config: Callable[..., RunConfig]) -> None:
    cuda = torch.device("cuda", 0)
    with pytest.raises(ConfigurationError, match="--cuda-graphs and --compile exclude each other"):
        choose_recorder(tiny_config(cuda_graphs=True, compile=True), cuda)
    with pytest.raises(ConfigurationError, match=r"--cuda-graphs: .*several processes.*use --no-cuda-graphs"):
        choose_recorder(tiny_config(cuda_graphs=True), cuda, Processes(0, 2))
