import pytest
from torch import nn

from priorkit_plugins.mlp_code_generator.code_generator import MLPCodeGenerator


def structure(generator: MLPCodeGenerator) -> list[object]:
    """Kinds of the layers, and what the linear ones turn into what."""
    return [
        (part.in_features, part.out_features) if isinstance(part, nn.Linear) else type(part)
        for part in generator.modules()
        if isinstance(part, nn.Linear | nn.BatchNorm1d | nn.ReLU)
    ]


def test_layers_are_those_of_table_a2() -> None:
    assert structure(MLPCodeGenerator(64, 32)) == [(64, 128), nn.BatchNorm1d, nn.ReLU, (128, 32), nn.BatchNorm1d]


@pytest.mark.parametrize("layers", [1, 3])
def test_depth_width_and_free_output(layers: int) -> None:
    hidden: list[object] = [nn.BatchNorm1d, nn.ReLU, (7, 7)] * layers
    generator = MLPCodeGenerator(4, 3, hidden=7, layers=layers, output_norm=False)
    assert structure(generator) == [(4, 7), *hidden[:-1], (7, 3)]
