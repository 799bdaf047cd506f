import numpy as np
import pytest
import torch

from priorkit.evaluation.standard_error import standard_error


def test_it_is_the_deviation_of_the_mean() -> None:
    values = torch.tensor([1.0, 2.0, 4.0, 9.0])
    assert standard_error(values) == pytest.approx(np.std(values.numpy(), ddof=1) / 2)
    assert standard_error(values[:1]) is None
