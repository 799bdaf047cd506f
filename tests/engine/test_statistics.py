import pytest
import torch
from torch import nn

from priorkit.engine import recomputed_statistics, running_statistics
from priorkit.interfaces import frozen_statistics


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


# Statistics of given inputs.


def batches(number: int = 5) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [3 + 2 * torch.randn(8, 1, 4, 4, generator=generator) for _ in range(number)]


def recompute(network: nn.Module, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    with recomputed_statistics(network), torch.no_grad():
        return [network(images) for images in inputs]


def test_they_are_those_that_pytorch_would_average_in_training() -> None:
    network, twin = make_network().eval(), make_network()
    for layer in (twin[1], twin[4]):
        layer.momentum = None  # the cumulative mean
    outputs = recompute(network, batches())
    expected = [twin(images) for images in batches()]
    for output, other in zip(outputs, expected, strict=True):
        torch.testing.assert_close(output, other)
    for name, value in running_statistics(twin).items():
        torch.testing.assert_close(running_statistics(network)[name], value)


def test_what_went_before_does_not_matter() -> None:
    network, twin = make_network().eval(), make_network()
    for _ in range(3):
        twin(IMAGES - 7)
    recompute(network, batches())
    recompute(twin.eval(), batches())
    assert all(
        torch.equal(value, running_statistics(twin)[name]) for name, value in running_statistics(network).items()
    )


def test_evaluation_then_does_as_training_does() -> None:
    network = make_network().eval()
    recompute(network, [torch.cat(batches())])
    evaluated = network(torch.cat(batches()))
    trained = network.train()(torch.cat(batches()))
    # Training normalises by the biased variance, which differs by 1 in 40 for 40 images.
    torch.testing.assert_close(evaluated, trained, rtol=0.03, atol=0.03)


def test_layers_that_no_pass_reaches_keep_theirs() -> None:
    network = make_network().eval()
    before = buffers(network)
    with recomputed_statistics(network):
        pass
    assert all(torch.equal(value, before[key]) for key, value in buffers(network).items())
    with recomputed_statistics(network):
        network[:3](IMAGES)
    assert not torch.equal(network[1].running_mean, before["1.running_mean"])
    assert torch.equal(network[4].running_mean, before["4.running_mean"])


def test_an_error_changes_nothing() -> None:
    network = make_network().eval()
    before = buffers(network)
    with pytest.raises(RuntimeError, match="channels"), recomputed_statistics(network):
        network(torch.cat([network[:2](IMAGES)] * 2))
    assert all(torch.equal(value, before[key]) for key, value in buffers(network).items())
    assert not network[1]._forward_pre_hooks


def test_layers_in_training_and_layers_without_statistics_are_left_alone() -> None:
    network, twin = make_network(), make_network()
    without = nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), nn.GroupNorm(1, 1)).eval()
    assert running_statistics(without) == {}
    with recomputed_statistics(network, without):
        without(IMAGES)
        network(IMAGES)
    twin(IMAGES)
    assert all(torch.equal(value, buffers(twin)[key]) for key, value in buffers(network).items())


def test_half_precision_inputs_have_statistics_in_full() -> None:
    network = nn.BatchNorm2d(1).eval()
    with recomputed_statistics(network), torch.autocast("cpu", torch.bfloat16):
        network((1000 + batches(1)[0]).bfloat16())
    assert network.running_mean.dtype == torch.float32
    expected = (1000 + batches(1)[0]).bfloat16().double()
    torch.testing.assert_close(network.running_mean.double(), expected.mean()[None], rtol=1e-4, atol=0)
    torch.testing.assert_close(network.running_var.double(), expected.var()[None], rtol=1e-3, atol=0)


def test_names_are_those_of_the_state() -> None:
    network = make_network()
    state = network.state_dict()
    assert running_statistics(network).keys() == {key for key in state if "running" in key}
    assert running_statistics(nn.BatchNorm1d(2)).keys() == {"running_mean", "running_var"}
