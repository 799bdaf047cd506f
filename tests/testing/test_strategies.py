"""The values that the public strategies draw."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import torch
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from pydantic import Field, model_validator
from torch import Tensor

from priorkit.interfaces import ImageShape
from priorkit.plugins import KINDS, Options
from priorkit.registry import installed_plugins
from priorkit.testing import batch_sizes, code_dims, codes, image_shapes, images, options, seeds

some = settings(deadline=None, max_examples=50)


class AllOptions(Options):
    width: int = Field(64, ge=1, le=128)
    even: int = 2
    rate: float = Field(0.5, gt=0, lt=1)
    free: float = 3.0
    switch: bool = True
    norm: Literal["batch", "none"] = "batch"
    limit: float | None = None
    bounded: Annotated[int, Field(gt=2, lt=5)] | None = None
    sizes: tuple[int, ...] = Field((8, 4), min_length=1)
    path: Path | None = None
    words: str = "unchanged"
    far: float | None = Field(None, lt=-5)

    @model_validator(mode="after")
    def _check_even(self) -> "AllOptions":
        if self.even % 2:
            raise ValueError("odd")
        return self


@some
@given(n=batch_sizes(5), dim=code_dims(3), seed=seeds(), shape=image_shapes(64))
def test_sizes(n: int, dim: int, seed: int, shape: ImageShape) -> None:
    assert 1 <= n <= 5
    assert 1 <= dim <= 3
    torch.Generator().manual_seed(seed)
    assert shape.channels in (1, 3)
    assert shape.size in (16, 32, 64)


@some
@given(batch=images(ImageShape(3, 16)), three=images(n=3))
def test_images(batch: Tensor, three: Tensor) -> None:
    assert batch.shape[1:] == (3, 16, 16)
    assert three.shape == (3, 1, 16, 16)
    for drawn in (batch, three):
        assert drawn.dtype == torch.float32
        assert drawn.is_contiguous()
        assert drawn.abs().max() <= 1


def test_images_are_of_all_sorts() -> None:
    find(images(), lambda batch: bool((batch.abs() == 1).all() and batch.std() > 0))
    find(images(), lambda batch: bool((batch == batch[..., :1, :1]).all()))


@some
@given(data=st.data())
def test_codes(data: st.DataObject) -> None:
    drawn = data.draw(codes(4))
    assert drawn.shape[1:] == (4,)
    assert data.draw(codes(n=2)).shape[0] == 2
    assert drawn.dtype == torch.float32
    assert drawn.isfinite().all()


def test_codes_are_of_all_sizes() -> None:
    find(codes(2), lambda drawn: bool(drawn.abs().max() > 100))
    find(codes(2), lambda drawn: bool(drawn.abs().max() < 1e-4))


@some
@given(drawn=options(AllOptions, free=7.0))
def test_options_are_valid(drawn: AllOptions) -> None:
    assert AllOptions.model_validate(drawn.model_dump()) == drawn
    assert drawn.free == 7.0
    assert drawn.path is None
    assert drawn.words == "unchanged"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 1),
        ("width", 64),
        ("switch", False),
        ("norm", "none"),
        ("limit", None),
        ("bounded", 4),
        ("even", 4),
        ("far", None),
    ],
)
def test_options_reach_bounds_and_defaults(field: str, value: Any) -> None:
    find(options(AllOptions), lambda drawn: getattr(drawn, field) == value)


def test_options_that_need_a_value_get_one() -> None:
    class Needy(Options):
        width: int = Field(ge=3)

    find(options(Needy), lambda drawn: drawn.width > 3)
    with pytest.raises(NoSuchExample):
        find(options(Needy), lambda drawn: drawn.width < 3, settings=settings(max_examples=30))


@pytest.mark.parametrize(
    "model",
    [item.component.options for kind in KINDS for item in installed_plugins().components(kind.slot)],
    ids=lambda model: model.__name__,
)
def test_options_of_every_component_can_be_drawn(model: type[Options]) -> None:
    @settings(deadline=None, max_examples=3)
    @given(options(model))
    def draw(drawn: Options) -> None:
        assert isinstance(drawn, model)

    draw()
