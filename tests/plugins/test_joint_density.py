"""log p(x, z), of which bounds on log p(x) are made."""

from typing import Any

import pytest

from linear_model import linear_system
from priorkit_plugins.joint_density import JointDensity
from priorkit_plugins.kl.regularizer import FreeBits, KLRegularizer
from priorkit_plugins.mmd.regularizer import MMDRegularizer
from priorkit_plugins.no_regularizer.regularizer import NoRegularizer
from priorkit_plugins.pixel.loss import PixelLoss
from priorkit_plugins.rae.regularizer import L2RAERegularizer, RAERegularizer
from priorkit_plugins.swiss_roll.prior import SwissRollPrior
from priorkit_plugins.weight_schedule import WeightSchedule


def test_kl_says_what_weighs_the_divergence() -> None:
    assert JointDensity(linear_system()).weight() == 1.0
    assert JointDensity(linear_system(regularizer=NoRegularizer())).weight() == 1.0
    assert JointDensity(linear_system(regularizer=KLRegularizer(0.25))).weight() == 0.25
    warming = JointDensity(linear_system(regularizer=KLRegularizer(2.0, WeightSchedule(warm_up=4))))
    assert [float(warming.weight()) for _ in range(6)] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": PixelLoss("squared", "mean")}, "it is a likelihood only with --loss.reduction sum"),
        ({"loss": None}, "needs a likelihood of images; use --loss pixel with --loss.reduction sum"),
        ({"prior": SwissRollPrior()}, "needs a prior with a density, and SwissRollPrior can only be sampled"),
        ({"regularizer": MMDRegularizer()}, "supports no other regularizer"),
        ({"regularizer": RAERegularizer()}, "supports no other regularizer"),
        ({"regularizer": L2RAERegularizer()}, "supports no other regularizer"),
        ({"regularizer": None}, "supports no other regularizer"),
        ({"regularizer": KLRegularizer(free_bits=FreeBits(1.0, 1))}, "no capacity or free bits"),
        ({"encoder": None}, "needs an encoder that gives a distribution; use --encoder gaussian"),
    ],
)
def test_what_cannot_be_bounded_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JointDensity(linear_system(**changes))
