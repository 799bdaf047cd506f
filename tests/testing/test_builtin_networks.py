"""Every built-in family of networks keeps its contract."""

from collections.abc import Callable

from priorkit.interfaces import ImageShape
from priorkit.testing import Case, Situations
from quick_choices import contracts

SMALL = Situations(shapes=(ImageShape(1, 16), ImageShape(3, 16)))
LARGER = Situations(shapes=(ImageShape(3, 32),))
CASES = [
    Case("networks", "residual", {"width": 4, "code_critic_width": 20}, situations=SMALL),
    Case(
        "networks",
        "residual",
        {"width": 4, "code_critic_width": 20, "norm": "none", "critic_norm": "layer"},
        situations=SMALL,
    ),
    Case(
        "networks",
        "residual",
        {"width": 2, "code_critic_width": 20, "decoder_spectral_norm": True},
        situations=SMALL,
    ),
    Case("networks", "dcgan", {"width": 4, "code_critic_width": 20}, situations=SMALL),
    Case("networks", "dcgan", {"width": 2, "code_critic_width": 20, "critic_norm": "none"}, situations=LARGER),
    Case(
        "networks",
        "dcgan",
        {"width": 2, "code_critic_width": 20, "decoder_spectral_norm": True},
        situations=SMALL,
    ),
    Case("networks", "began", {"width": 4, "hidden": 8, "code_critic_width": 20}, situations=SMALL),
    Case("networks", "mlp", {"hidden": 24}, situations=SMALL),
    Case(
        "networks",
        "mlp",
        {"hidden": 8, "layers": 1, "decoder_spectral_norm": True},
        situations=Situations(shapes=(ImageShape(1, 28),)),
    ),
    Case("networks", "mlp", {"hidden": 8, "layers": 1}, situations=Situations(shapes=(ImageShape(1, 28),))),
]


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_none_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    owned = built_in("networks")
    assert {case.subject for case in CASES} == owned
