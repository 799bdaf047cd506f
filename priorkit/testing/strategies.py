"""Hypothesis strategies for inputs and options of components, and the kit's own examples."""

import types
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import annotated_types
import torch
from hypothesis import HealthCheck, Phase, Verbosity, assume, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from torch import Tensor

from priorkit.interfaces import ImageShape
from priorkit.plugins import Options

__all__ = [
    "batch_sizes",
    "code_dims",
    "codes",
    "few",
    "image_shapes",
    "images",
    "options",
    "seeds",
    "sizes_and_seeds",
]

Opts = TypeVar("Opts", bound=Options)

GREY = ImageShape(1, 16)
"""Small grey images."""

_STEPS = 4
"""Largest distance of a drawn integer from its default or bound: networks stay small, and loops short."""


def batch_sizes(maximum: int = 8) -> st.SearchStrategy[int]:
    """Batch sizes from 1 to `maximum`.

    Examples:
        >>> from hypothesis import given
        >>> from priorkit.testing import batch_sizes
        >>> @given(n=batch_sizes(maximum=4))
        ... def test_batches_are_small(n):
        ...     assert 1 <= n <= 4
        >>> test_batches_are_small()
    """
    return st.integers(1, maximum)


def code_dims(maximum: int = 8) -> st.SearchStrategy[int]:
    """Numbers of dimensions of a code from 1 to `maximum`.

    Examples:
        >>> from hypothesis import find
        >>> from priorkit.testing import code_dims
        >>> find(code_dims(), lambda dim: dim % 2 == 0)  # the smallest such number
        2
    """
    return st.integers(1, maximum)


def seeds() -> st.SearchStrategy[int]:
    """Seeds of a `torch.Generator`: integers from 0 to 2**63 - 1.

    Examples:
        >>> import torch
        >>> from hypothesis import find
        >>> from priorkit.testing import seeds
        >>> find(seeds(), lambda seed: torch.Generator().manual_seed(seed) is not None)
        0
    """
    return st.integers(0, 2**63 - 1)


def image_shapes(maximum: int = 32) -> st.SearchStrategy[ImageShape]:
    """Shapes of square grey and RGB images of 16, 32, 64 or 128 pixels a side, at most `maximum`.

    Examples:
        >>> from hypothesis import find
        >>> from priorkit.testing import image_shapes
        >>> find(image_shapes(), lambda shape: shape.channels == 3)
        ImageShape(channels=3, size=16)
    """
    sizes = [size for size in (16, 32, 64, 128) if size <= maximum]
    return st.builds(ImageShape, st.sampled_from((1, 3)), st.sampled_from(sizes))


@st.composite
def images(draw: st.DrawFn, shape: ImageShape = GREY, n: int | None = None) -> Tensor:
    """Batches of images, float32 (N, C, H, W) in [-1, 1]: noise, smooth, blank, or black and white.

    Args:
        draw: Supplied by hypothesis.
        shape: The images' shape.
        n: Number of images N; drawn if None.

    Examples:
        >>> from hypothesis import find
        >>> from priorkit.interfaces import ImageShape
        >>> from priorkit.testing import images
        >>> find(images(ImageShape(3, 16), n=2), lambda batch: batch.min() < 0).shape
        torch.Size([2, 3, 16, 16])
    """
    count = draw(batch_sizes()) if n is None else n
    size = (count, shape.channels, shape.size, shape.size)
    generator = torch.Generator().manual_seed(draw(seeds()))
    noise = torch.rand(size, generator=generator) * 2 - 1
    sort = draw(st.sampled_from(("noise", "smooth", "blank", "binary")))
    if sort == "smooth":
        return torch.nn.functional.interpolate(noise[..., ::8, ::8], size[2:], mode="bilinear")
    if sort == "blank":
        return noise[..., :1, :1].expand(size).contiguous()
    return noise.sign() if sort == "binary" else noise


@st.composite
def codes(draw: st.DrawFn, code_dim: int | None = None, n: int | None = None) -> Tensor:
    """Batches of codes, float32 (N, code_dim): normal, with standard deviations from 1e-6 to 1000.

    Args:
        draw: Supplied by hypothesis.
        code_dim: Number of dimensions of a code; drawn if None.
        n: Number of codes N; drawn if None.

    Examples:
        >>> from hypothesis import given
        >>> from priorkit.testing import codes
        >>> @given(code=codes(code_dim=3))
        ... def test_codes_are_finite(code):
        ...     assert code.shape[1] == 3 and code.isfinite().all()
        >>> test_codes_are_finite()
    """
    size = (draw(batch_sizes()) if n is None else n, draw(code_dims()) if code_dim is None else code_dim)
    scale = draw(st.sampled_from((1.0, 1e-6, 0.1, 10.0, 1e3)))
    return scale * torch.randn(size, generator=torch.Generator().manual_seed(draw(seeds())))


@st.composite
def options(draw: st.DrawFn, model: type[Opts], /, **fixed: Any) -> Opts:
    """Options of a component: values near the defaults that the bounds and validators of its pydantic class allow.

    Texts and paths keep their defaults, since a class does not say which values make sense.

    Args:
        draw: Supplied by hypothesis.
        model: The class of the options.
        **fixed: Values of fields that are not drawn.

    Examples:
        >>> from hypothesis import find
        >>> from pydantic import Field
        >>> from priorkit.plugins import Options
        >>> from priorkit.testing import options
        >>> class LaplaceOptions(Options):
        ...     scale: float = Field(1.0, gt=0)
        >>> find(options(LaplaceOptions), lambda drawn: drawn.scale != 1).scale > 0
        True
    """
    given = {
        name: fixed[name] if name in fixed else draw(_values(info))
        for name, info in model.model_fields.items()
        if name in fixed or not info.is_required() or _drawable(info.annotation)
    }
    try:
        return model(**given)
    except ValidationError:
        assume(False)
        raise


def _drawable(annotation: Any) -> bool:
    return annotation in (bool, int, float) or get_origin(annotation) is Literal


def _values(info: FieldInfo) -> st.SearchStrategy[Any]:
    default = info.get_default(call_default_factory=True, validated_data={})
    drawn = _of(info.annotation, info.metadata, default)
    if default is PydanticUndefined:
        return drawn
    return st.just(default) if drawn.is_empty else st.one_of(st.just(default), drawn)


def _of(annotation: Any, metadata: list[Any], default: Any) -> st.SearchStrategy[Any]:
    """Returns a strategy for values of a type; an empty strategy for unknown types."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _of(parts[0], [*metadata, *parts[1:]], default)
    if origin in (Union, types.UnionType):
        return st.one_of([_of(part, metadata, PydanticUndefined) for part in parts])
    if origin is Literal:
        return st.sampled_from(parts)
    if annotation is type(None):
        return st.none()
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return _whole_numbers(metadata, default)
    if annotation is float:
        return _numbers(metadata, default)
    if origin is tuple and parts[1:] == (...,):
        item = _of(parts[0], [], default[0] if isinstance(default, tuple) and default else PydanticUndefined)
        least = max([entry.min_length for entry in metadata if isinstance(entry, annotated_types.MinLen)], default=1)
        return st.lists(item, min_size=least, max_size=max(least, 3)).map(tuple)
    return st.nothing()


def _bounds(metadata: list[Any]) -> tuple[Any, Any, bool, bool]:
    """Returns the lower and the upper bound, None if there is none, and whether each is excluded."""
    low: Any = None
    high: Any = None
    above = below = False
    for entry in metadata:
        if isinstance(entry, annotated_types.Ge | annotated_types.Gt):
            low, above = (entry.ge, False) if isinstance(entry, annotated_types.Ge) else (entry.gt, True)
        if isinstance(entry, annotated_types.Le | annotated_types.Lt):
            high, below = (entry.le, False) if isinstance(entry, annotated_types.Le) else (entry.lt, True)
    return low, high, above, below


def _whole_numbers(metadata: list[Any], default: Any) -> st.SearchStrategy[Any]:
    low, high, above, below = _bounds(metadata)
    low = low + above if low is not None else None
    high = high - below if high is not None else None
    middle = default if isinstance(default, int) else (low if low is not None else (high if high is not None else 1))
    near = st.integers(
        middle - _STEPS if low is None else max(low, middle - _STEPS),
        middle + _STEPS if high is None else min(high, middle + _STEPS),
    )
    # Mistakes appear at bounds, where networks are smallest; without a bound, at 0.
    edges: list[Any] = [low] if low is not None else [k for k in (0, -1) if high is None or k <= high] or [high]
    return st.one_of(st.sampled_from(edges), near)


def _numbers(metadata: list[Any], default: Any) -> st.SearchStrategy[float]:
    low, high, above, below = _bounds(metadata)
    bounds = [float(bound) for bound in (low, high) if bound is not None]
    middle = float(default) if isinstance(default, int | float) else (bounds or [0.0])[0]
    # Without bounds, the range includes 0 and negative numbers.
    reach = 2 * max(1.0, abs(middle))
    lowest = middle - reach if low is None else float(low)
    highest = middle + reach if high is None else float(high)
    # Numbers close to an open bound are unusable: the smallest positive deviation gives no finite density.
    margin = (highest - lowest) / 256
    return st.floats(lowest + margin * above, highest - margin * below, allow_nan=False, allow_subnormal=False)


def sizes_and_seeds(number: int, first: int = 0) -> list[tuple[int, int]]:
    """Returns `number` pairs of a batch size and a seed, always the same; the first batch size is 1."""
    sizes, seeds = (1, 2, 7, 3, 5), (0, 1, 2**63 - 2, 2**32, 12345)
    return [(sizes[k % 5], (seeds[k % 5] + first + k // 5) % 2**63) for k in range(number)]


def few(number: int) -> settings:
    """Returns hypothesis settings for `number` examples, always the same, independent of the loaded profile."""
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        verbosity=Verbosity.normal,
        report_multiple_bugs=False,
        print_blob=False,
    )
