import pytest
from torch import nn

from priorkit_plugins.layer_modes import layers_in_training


def test_modes_inside_and_afterwards_also_after_an_error() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    network[2].eval()
    before = [layer.training for layer in network.modules()]
    with layers_in_training(network, lambda layer: isinstance(layer, nn.BatchNorm1d)):
        assert [layer.training for layer in network] == [False, True, False]
    assert [layer.training for layer in network.modules()] == before
    with pytest.raises(KeyError), layers_in_training(network, lambda layer: False):
        raise KeyError
    assert [layer.training for layer in network.modules()] == before
