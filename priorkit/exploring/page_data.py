"""An exploration as plain values for the page's scripts, and as HTML for parts without scripts."""

import base64
import io
import math
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from priorkit.diagnosis import Diagnosis
from priorkit.exploring.code_points import CodePoints
from priorkit.exploring.condition_controls import ConditionControls
from priorkit.exploring.exploration import Exploration
from priorkit.exploring.noise_controls import NoiseControls
from priorkit.figures import as_picture, draw_grid
from priorkit.interfaces import CodeKind
from priorkit.pages import Html, Panel, compressed, curve_figure, data_url, picture, table

__all__ = ["as_page_data", "diagnosis_html", "samples_html"]


def as_page_data(found: Exploration, name: str) -> dict[str, Any]:
    """Returns a run's data for the page's scripts.

    Args:
        found: The run's exploration.
        name: The run's name on the page.
    """
    space, shape = found.run.model.code_space, found.run.shape
    return {
        "name": name,
        "channels": shape.channels,
        "size": shape.size,
        "code": {"shape": list(space.shape), "dim": space.dim, "indices": space.kind is CodeKind.INDICES},
        "points": _points(found.points),
        "noise": _noise(found.noise),
        "condition": _condition(found.condition),
        "classes": list(found.class_names),
        "networks": sorted(found.networks.graphs),
        "half": found.networks.half,
        "tokens": None if found.networks.tokens is None else found.networks.tokens.as_data(),
    }


def _base64(values: Tensor) -> str:
    return base64.b64encode(values.contiguous().numpy().tobytes()).decode("ascii")


def _points(points: CodePoints) -> dict[str, Any]:
    codes = points.codes.to(torch.int32) if not points.codes.is_floating_point() else points.codes.float()
    plane = points.plane
    return {
        "count": len(codes),
        "codes": _base64(codes),
        "prior": points.from_prior.int().tolist(),
        "classes": points.classes.tolist(),
        "places": {layout: _base64(_in_square(places)) for layout, places in points.places.items()},
        # The same scale as for the places, so that a new code can be shown among them.
        "plane": None if plane is None else _plane(points),
        "thumbnails": _picture_url(_sprite(points.thumbnails)),
        "thumbnail": points.thumbnails.shape[-1],
        "columns": _sprite_columns(len(codes)),
    }


def _square(places: Tensor) -> tuple[Tensor, float]:
    """Returns the centre of places, and the half width that scales them to [-1, 1], except for outliers."""
    low, high = places.quantile(0.002, 0), places.quantile(0.998, 0)
    return (low + high) / 2, float(((high - low) / 2).max().clamp(min=1e-9)) * 1.04


def _in_square(places: Tensor) -> Tensor:
    middle, half = _square(places.float())
    return ((places.float() - middle) / half).clamp(-1, 1)


def _plane(points: CodePoints) -> dict[str, Any]:
    assert points.plane is not None, "only called for codes with a plane"
    middle, half = _square(points.places["principal axes"])
    return {
        "mean": _base64(points.plane.mean),
        "axes": _base64(points.plane.axes),
        "middle": middle.tolist(),
        "half": half,
    }


def _noise(noise: NoiseControls) -> dict[str, Any]:
    return {
        "shape": list(noise.law.shape),
        "spans": noise.law.as_data(),
        "order": list(noise.order),
        "drawn": None if noise.drawn is None else _base64(noise.drawn.float()),
    }


def _condition(condition: ConditionControls | None) -> dict[str, Any] | None:
    if condition is None:
        return None
    return {
        "kind": condition.kind,
        "dim": condition.dim,
        "classes": list(condition.classes),
        "untrained": list(condition.untrained),
        "captions": list(condition.captions),
        "vectors": None if condition.vectors is None else _base64(condition.vectors.float()),
    }


def _sprite_columns(count: int) -> int:
    """Returns the number of small pictures in a row of the common picture, about square as WebP limits both sides."""
    return math.isqrt(max(0, count - 1)) + 1


def _sprite(images: Tensor) -> Image.Image:
    """Joins all small pictures in one picture, without borders."""
    # make_grid turns grey images into colour.
    return as_picture(make_grid(images, nrow=_sprite_columns(len(images)), padding=0)[: images.shape[1]])


def _compressed(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return compressed(file.getvalue(), 0)


def _picture_url(image: Image.Image) -> str:
    return data_url(_compressed(image))


def samples_html(found: Exploration) -> Html:
    """Returns samples as a picture, for browsers that cannot run networks."""
    classes = found.condition.classes if found.condition is not None else ()
    caption = "Samples; columns share a class, and rows the noise" if classes else "Samples of the prior"
    return picture(_compressed(draw_grid(found.samples, found.columns)), caption)


def diagnosis_html(diagnosis: Diagnosis | None, identifier: str) -> Html:
    """Returns a diagnosis as HTML: sentences, numbers, and the variances of prior and codes along their principal axes.

    Args:
        diagnosis: The diagnosis; None gives an empty text.
        identifier: The id of the chart's data on the page.
    """
    if diagnosis is None:
        return Html("")
    found = diagnosis.comparison
    spectra = {
        name: [(float(axis), float(value)) for axis, value in enumerate(values, start=1)]
        for name, values in (("codes", found.spectrum), ("prior", found.prior_spectrum))
    }
    chart = curve_figure(Panel("", "Variance along the principal axes of each", "axis", spectra), identifier)
    sentences = Html("").join(Html("<p>{} {}</p>").format(item.sentence, item.advice) for item in diagnosis.findings)
    measures = table(["measure", "value", "if both are alike"], found.measures)
    return Html('{}<div class="panels wide-panels"><div class="card">{}</div>{}</div>').format(
        sentences, measures, chart
    )
