"""The code discriminator that several families of networks share."""

from collections.abc import Sequence

from torch import nn

from priorkit_plugins.fully_connected import CRITIC_LEAK, hidden_layers

__all__ = ["code_critic", "paper_widths"]


def paper_widths(width: int) -> tuple[int, int, int]:
    """Widths of D_C's hidden layers in Table A.3 of Wang et al. 2020, scaled: 1000 gives (1000, 500, 200)."""
    return width, max(1, width // 2), max(1, width // 5)


def code_critic(code_dim: int, widths: Sequence[int]) -> nn.Sequential:
    """D_C: turns codes (N, code_dim) into logits (N,).

    Args:
        code_dim: Dimensions of a code.
        widths: Outputs of each hidden layer (linear, leaky ReLU); at least one.
    """
    hidden = hidden_layers(code_dim, widths, leak=CRITIC_LEAK)
    return nn.Sequential(*hidden, nn.Linear(widths[-1], 1), nn.Flatten(0))
