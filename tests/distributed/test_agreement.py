"""Several processes train what one process trains."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.config import RunConfig, merge_settings, resolve_config, validate_settings
from priorkit.data import DataSummary, load_data
from priorkit.distributed import Processes, join_processes, synchronise_batch_norm
from priorkit.distributed.agreement import average_statistics, require_equal_tensors
from priorkit.engine import Engine, Precision, make_optimizer
from priorkit.errors import ConfigurationError, ProcessesError
from priorkit.interfaces import ImageShape
from priorkit.models import build_system
from priorkit.models.batch_sharing import require_shareable_terms
from priorkit.registry import Registry
from priorkit.training import Session
from quick_choices import each_component

BATCH = 13
"""Images in a batch; no number of processes divides it."""


def summary(classes: int) -> DataSummary:
    return DataSummary(ImageShape(1, 16), classes=classes, embedding_dim=2, vocabulary=("red",))


def trained(registry: Registry, recipe: str, **changes: Any) -> dict[str, Tensor]:
    """Every tensor of a small system after three steps, by all processes that there are, and the losses.

    In double precision: a wrong factor cannot hide behind rounding there.
    """
    torch.set_default_dtype(torch.float64)
    try:
        return _trained(registry, recipe, **changes)
    finally:
        torch.set_default_dtype(torch.float32)


def _trained(registry: Registry, recipe: str, **changes: Any) -> dict[str, Tensor]:
    processes = join_processes()
    # Whole groups of classes, where codes are such.
    code_dim = 20 if recipe == "categorical-vae" else 14
    small = {"networks": {"width": 2}, "code_dim": code_dim}
    settings = merge_settings(registry.recipe(recipe).settings, {**small, **changes})
    config = resolve_config(validate_settings(settings), registry)
    torch.manual_seed(0)
    system = build_system(config, registry, summary(3))
    networks = system.trained()
    for network in networks.values():
        synchronise_batch_norm(network, processes)
    optimizers = {
        name: make_optimizer("adam", network.parameters(), learning_rate=1e-3, beta1=0.5, beta2=0.9, weight_decay=0.0)
        for name, network in networks.items()
    }
    engine = Engine(
        networks,
        optimizers,
        system.stages[0].phases,
        precision=Precision(torch.device("cpu"), torch.float32),
        seed=0,
        clip_norm=config.clip_norm,
        simultaneous=config.simultaneous,
        processes=processes,
    )
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        images = torch.rand(BATCH, 1, 16, 16, generator=generator) * 2 - 1
        entries = {
            True: torch.randint(3, (BATCH,), generator=generator),
            False: torch.randn(BATCH, 2, generator=generator, dtype=torch.float32),
        }
        beside = {}
        if system.condition is not None and system.condition.from_data:
            beside["condition"] = system.condition.vectors(entries[system.condition.from_labels]).to(images)
        share = processes.share(BATCH)
        engine.step(images[share], BATCH, {name: value[share] for name, value in beside.items()})
    assert engine.images_seen == 3 * BATCH
    losses = {f"loss of {name}": torch.tensor(value) for name, value in engine.losses(reset=True).items()}
    return {**system.state(), **losses}


def shareable(settings: Mapping[str, Any], registry: Registry) -> bool:
    """Whether several processes are allowed to train this."""
    config = resolve_config(validate_settings(settings), registry)
    system = build_system(config, registry, summary(2))
    require_shareable_terms(system, config, Processes())
    try:
        require_shareable_terms(system, config, Processes(0, 2))
    except ConfigurationError:
        return False
    return True


def assert_same(result: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-6) -> None:
    assert result.keys() == expected.keys()
    for name, tensor in expected.items():
        # Losses are added up in single precision.
        allowed = 1e-5 if name.startswith("loss of ") else tolerance
        torch.testing.assert_close(
            result[name], tensor, rtol=allowed, atol=allowed, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize(
    ("recipe", "count"),
    [
        ("learned", 2),
        *(
            pytest.param(*case.values, marks=[*case.marks, pytest.mark.whole])
            for case in each_component(2)
            if case.values != ("learned", 2)
        ),
        *(pytest.param(recipe, 3, marks=pytest.mark.whole) for recipe in ("learned", "vae", "matched")),
    ],
)
def test_any_number_of_processes_trains_the_same_networks(
    recipe: str, count: int, registry: Registry, in_processes: Callable[..., list[Any]]
) -> None:
    if not shareable(registry.recipe(recipe).settings, registry):
        pytest.skip("refused in several processes")
    alone = trained(registry, recipe)
    for result in in_processes(count, lambda: trained(registry, recipe)):
        # A million weights of a velocity field, fitted three times a step: the parts' gradients of a few nearly cancel.
        assert_same(result, alone, 1e-5 if recipe == "matched" else 1e-6)


@pytest.mark.whole
def test_every_option_of_the_algorithm_is_the_same_too(
    registry: Registry, in_processes: Callable[..., list[Any]]
) -> None:
    changes = {"simultaneous": True, "clip_norm": 0.1, "reconstructions_as_fakes": True, "reconstruction_weight": 0.5}
    alone = trained(registry, "learned", **changes)
    for result in in_processes(2, lambda: trained(registry, "learned", **changes)):
        assert_same(result, alone)


@pytest.mark.whole
def test_classes_without_labels_are_the_same_too(registry: Registry, in_processes: Callable[..., list[Any]]) -> None:
    changes = {"condition": {"recovery": "generated"}}
    alone = trained(registry, "learned-unsupervised", **changes)
    for result in in_processes(2, lambda: trained(registry, "learned-unsupervised", **changes)):
        assert_same(result, alone)


@pytest.mark.whole
def test_a_gradient_penalty_is_the_same_too(registry: Registry, in_processes: Callable[..., list[Any]]) -> None:
    networks = {"name": "residual", "width": 2, "critic_norm": "layer", "code_critic_width": 20}
    changes = {"networks": networks, "adversarial_loss": "wasserstein-gp"}
    alone = trained(registry, "learned", **changes)
    for result in in_processes(2, lambda: trained(registry, "learned", **changes)):
        assert_same(result, alone)


@pytest.mark.parametrize(
    ("recipe", "changes", "refused"),
    [
        ("aae", {"regularizer": "mmd"}, "--regularizer mmd"),
        ("aae", {"regularizer": "sliced-wasserstein"}, "--regularizer sliced-wasserstein"),
        ("learned", {"networks": "began", "adversarial_loss": "began"}, "--adversarial-loss began"),
        ("aae", {"networks": "began", "adversarial_loss": "began"}, "--adversarial-loss began"),
        (
            "learned",
            {"condition": {"name": "categorical", "recovery": "self-labelled"}},
            "--condition categorical",
        ),
    ],
)
def test_what_needs_the_whole_batch_is_refused(
    recipe: str, changes: dict[str, Any], refused: str, registry: Registry, tiny_config: Callable[..., RunConfig]
) -> None:
    config = tiny_config(recipe, **changes)
    data = load_data(config, registry)
    with pytest.raises(ConfigurationError, match=f"^{refused}: it needs all .* 3 processes .* train in one process"):
        Session(config, registry, data, Processes(0, 3))
    assert not shareable({**registry.recipe(recipe).settings, **changes}, registry)
    assert shareable(registry.recipe(recipe).settings, registry)
    Session(config, registry, data).step()


@pytest.mark.whole
def test_without_synchronised_batch_norm_the_result_is_another(
    registry: Registry,
    tiny_session: Callable[..., Session],
    tiny_config: Callable[..., RunConfig],
    in_processes: Callable[..., list[Any]],
) -> None:
    """... which also proves that the tests above would see it; statistics are averaged before anybody looks."""

    def work(synchronise: bool) -> dict[str, Tensor]:
        config = tiny_config("aae", synchronise_batch_norm=synchronise)
        session = Session(config, registry, load_data(config, registry), join_processes())
        session.start_together()
        for _ in range(2):
            session.step()
        session.settle()
        return session.weights()

    whole = tiny_session("aae")
    for _ in range(2):
        whole.step()
    expected = whole.weights()
    synchronised = in_processes(2, lambda: work(True))
    apart = in_processes(2, lambda: work(False))

    def difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
        return max(float((one[name] - other[name]).abs().max()) for name in one if one[name].is_floating_point())

    assert difference(synchronised[0], expected) < 1e-4
    assert difference(apart[0], expected) > 1e-3
    for pair in (synchronised, apart):
        assert difference(*pair) == 0


def test_networks_that_drift_apart_are_noticed_everywhere(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> str:
        processes = join_processes()
        tensors = {
            "decoder/weight": torch.ones(3),
            "decoder/calls": torch.zeros(1),
            "seen": torch.tensor(processes.rank),
        }
        require_equal_tensors(tensors, processes, 7)
        tensors["decoder/weight"][1] = float("nan")
        require_equal_tensors(tensors, processes, 7)
        tensors["decoder/calls"] += 0.01 * processes.rank
        with pytest.raises(ProcessesError, match=r"decoder/calls in process 1 differs .* at step 7") as caught:
            require_equal_tensors(tensors, processes, 7)
        return str(caught.value)

    first, second = in_processes(2, work)
    assert first == second


def test_statistics_become_their_means(in_processes: Callable[..., list[Any]]) -> None:
    def work() -> list[Any]:
        processes = join_processes()
        network = nn.BatchNorm1d(2)
        network.running_mean.fill_(processes.rank)  # type: ignore[union-attr]
        average_statistics([network], processes)
        return [network.running_mean, network.running_var, network.num_batches_tracked]

    for mean, variance, batches in in_processes(2, work):
        assert (mean.tolist(), variance.tolist(), batches.item()) == ([0.5, 0.5], [1, 1], 0)
