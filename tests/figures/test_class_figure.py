from collections.abc import Callable

import numpy as np
import torch

from priorkit.data import to_uint8
from priorkit.figures import draw_class_figure, draw_grid
from priorkit.training import Session


def test_columns_are_classes_under_their_names(tiny_session: Callable[..., Session]) -> None:
    model = tiny_session("learned", condition="labels").model
    classes = model.class_conditions(torch.tensor([1, 0, 1]))
    figure = draw_class_figure(model, classes, 4, captions=["even", "odd", "even"], seed=3)
    plain = draw_class_figure(model, classes, 4, seed=3)
    assert plain == draw_grid(to_uint8(model.sample_grid(classes, 4, 3)), 3)
    assert np.array_equal(np.asarray(figure)[figure.height - plain.height :], np.asarray(plain))
    assert figure.height > plain.height
    assert draw_class_figure(model, classes, 4, seed=4) != plain
