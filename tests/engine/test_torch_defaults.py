"""torch's settings for the whole program."""

import pytest
import torch

from priorkit.engine import torch_defaults


def settings() -> tuple[torch.dtype, str, bool, bool]:
    return (
        torch.get_default_dtype(),
        torch.get_default_device().type,
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
    )


@torch_defaults()
def inside() -> tuple[torch.dtype, str, bool, bool]:
    return settings()


def test_they_are_the_usual_ones_inside_and_as_before_afterwards() -> None:
    usual = torch.float32, "cpu", True, False
    with torch.inference_mode(), torch.device("meta"):
        torch.set_default_dtype(torch.float64)
        try:
            chosen = settings()
            assert chosen == (torch.float64, "meta", False, True)
            with torch_defaults():
                assert settings() == usual
            assert settings() == chosen
            assert [inside(), inside()] == [usual, usual]
            with pytest.raises(KeyError), torch_defaults():
                raise KeyError
            assert settings() == chosen
        finally:
            torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        assert inside() == usual
        assert not torch.is_grad_enabled()
