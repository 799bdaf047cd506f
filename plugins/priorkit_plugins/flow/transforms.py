"""The invertible transforms of flows, made by zuko."""

from collections.abc import Sequence

from torch import nn
from torch.distributions import Distribution

from priorkit.errors import MissingExtraError

__all__ = ["make_transform"]

_COUPLING = 2
"""Passes that invert a coupling transform."""


def make_transform(
    kind: str, code_dim: int, condition_dim: int, *, transforms: int, hidden: Sequence[int]
) -> nn.Module:
    """Makes a function from a condition s, or None, to an invertible map from codes to noise.

    Args:
        kind: `realnvp`, `coupling-nsf`, `maf` or `nsf`.
        code_dim: Dimensions of a code.
        condition_dim: Dimensions of s; 0 for none.
        transforms: Number of transforms.
        hidden: Widths of the hidden layers of each.

    Raises:
        MissingExtraError: zuko is not installed.
    """
    # zuko turns off the checks of torch's distributions for the whole program when it is imported.
    checked = Distribution._validate_args
    try:
        from zuko.flows import MAF, NSF
    except ImportError:
        raise MissingExtraError(
            "--prior flow: needs zuko, which is not installed; pip install 'priorkit[flows]'"
        ) from None
    finally:
        Distribution.set_default_validate_args(checked)
    # zuko's coupling flows look up their halves by value in every pass, which waits for a GPU; autoregressive flows
    # with two passes couple the same halves.
    family, passes = {
        "realnvp": (MAF, _COUPLING),
        "coupling-nsf": (NSF, _COUPLING),
        "maf": (MAF, None),
        "nsf": (NSF, None),
    }[kind]
    flow = family(code_dim, condition_dim, transforms=transforms, hidden_features=tuple(hidden), passes=passes)
    transform: nn.Module = flow.transform
    return transform
