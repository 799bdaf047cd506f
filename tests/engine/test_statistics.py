import pytest
import torch
from torch import nn

from priorkit.engine import frozen_statistics


def make_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2), nn.BatchNorm1d(2))


def buffers(network: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in network.named_buffers()}


IMAGES = torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(1))


def test_a_pass_normalises_by_the_batch_but_moves_nothing() -> None:
    network, twin = make_network(), make_network()
    before = buffers(network)
    with frozen_statistics(network):
        output = network(IMAGES)
    assert all(torch.equal(value, before[key]) for key, value in buffers(network).items())
    assert torch.equal(output, twin(IMAGES))
    assert not torch.equal(buffers(twin)["1.running_mean"], before["1.running_mean"])


def test_afterwards_statistics_move_again() -> None:
    network, twin = make_network(), make_network()
    with frozen_statistics(network):
        network(IMAGES)
    network(IMAGES)
    twin(IMAGES)
    assert all(torch.equal(value, buffers(twin)[key]) for key, value in buffers(network).items())


def test_evaluation_still_uses_the_running_statistics() -> None:
    network = make_network()
    network(IMAGES)
    network.eval()
    expected = network(IMAGES[:2])
    with frozen_statistics(network):
        assert torch.equal(network(IMAGES[:2]), expected)


def test_contexts_nest_and_survive_errors() -> None:
    network = make_network()
    before = buffers(network)
    with frozen_statistics(network):
        with pytest.raises(RuntimeError), frozen_statistics(network):
            raise RuntimeError
        network(IMAGES)
    assert all(torch.equal(value, before[key]) for key, value in buffers(network).items())
    network(IMAGES)
    assert int(network[1].num_batches_tracked) == 1


def test_layers_without_running_statistics_stay_without() -> None:
    network = nn.BatchNorm1d(3, track_running_stats=False)
    with frozen_statistics(network):
        network(torch.randn(4, 3))
    assert not network.track_running_stats


def test_only_the_networks_named_are_frozen() -> None:
    frozen, free = make_network(), make_network()
    with frozen_statistics(frozen):
        free(IMAGES)
    assert int(free[1].num_batches_tracked) == 1


def test_gradients_are_those_of_an_ordinary_pass() -> None:
    network, twin = make_network(), make_network()
    with frozen_statistics(network):
        network(IMAGES).square().sum().backward()
    twin(IMAGES).square().sum().backward()
    for weight, other in zip(network.parameters(), twin.parameters(), strict=True):
        assert torch.equal(weight.grad, other.grad)
