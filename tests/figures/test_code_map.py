import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from priorkit.errors import ConfigurationError, MissingExtraError
from priorkit.figures import CodeMap, draw_code_map, map_codes, require_matplotlib
from priorkit.interfaces import ImageSet
from priorkit.models import Model
from priorkit.training import Session


@pytest.fixture(scope="module")
def session(tiny_session: Callable[..., Session]) -> Session:
    return tiny_session("learned", condition="labels", dataset={"test": 40})


def test_both_kinds_of_codes_are_mapped_with_what_they_are(session: Session) -> None:
    codes = map_codes(session.model, session.data.test, 20, seed=3)
    assert codes.prior.shape == codes.encoded.shape == (20, 2)
    assert codes.prior.isfinite().all()
    assert torch.equal(codes.prior_classes, session.model.conditions(20, 3).argmax(1))
    assert torch.equal(codes.labels, session.data.test.labels[::2])
    again = map_codes(session.model, session.data.test, 20, seed=3)
    assert torch.equal(codes.prior, again.prior)
    assert torch.equal(codes.encoded, again.encoded)


def test_codes_that_lie_together_are_mapped_together(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    # The prior's codes are those of the encoder, in two clusters, so that the halves must coincide.
    clusters = torch.randn(40, 4) + 50 * (torch.arange(40) % 2)[:, None]
    monkeypatch.setattr(Model, "codes", lambda self, n, seed, condition: clusters[:n].clone())
    monkeypatch.setattr(Model, "encode", lambda self, images: clusters[: len(images)].clone())
    codes = map_codes(session.model, session.data.test, 1000, perplexity=10)
    assert len(codes.prior) == 40
    centres = [places[part::2].mean(0) for places in (codes.prior, codes.encoded) for part in (0, 1)]
    apart = (centres[0] - centres[1]).norm()
    assert (centres[0] - centres[2]).norm() < 0.2 * apart
    assert (centres[1] - centres[3]).norm() < 0.2 * apart


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("code_dim", [1, 3])
def test_few_codes_of_few_dimensions(count: int, code_dim: int, tiny_session: Callable[..., Session]) -> None:
    model = tiny_session("learned", code_dim=code_dim).model
    images = torch.randint(256, (count, 1, 16, 16), dtype=torch.uint8)
    codes = map_codes(model, ImageSet(images), 9)
    assert codes.prior.shape == (count, 2)
    assert codes.prior.isfinite().all()
    assert codes.prior_classes is None
    assert codes.labels is None


def test_without_an_encoder_there_is_no_map(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("learned", encoder="none", loss="none", regularizer="none")
    with pytest.raises(ConfigurationError, match="this run has no encoder"):
        map_codes(session.model, session.data.test, 4)


def random_map(n: int, classes: int, labels: int) -> CodeMap:
    places = torch.randn(2, n, 2, generator=torch.Generator().manual_seed(0))
    kinds = [torch.arange(n) % count if count else None for count in (classes, labels)]
    return CodeMap(places[0], kinds[0], places[1], kinds[1])


def colours(picture: np.ndarray) -> int:
    """How many colours there are, by their hue in coarse steps, beside white, black and grey."""
    pixels = np.unique(picture.reshape(-1, 3).astype(int) // 32, axis=0)
    return int((np.ptp(pixels, axis=1) > 1).sum())


def test_points_are_coloured_where_there_are_classes() -> None:
    halves = []
    for classes, labels in ((0, 0), (0, 4), (4, 0)):
        picture = np.asarray(draw_code_map(random_map(60, classes, labels)))
        middle = picture.shape[1] // 2
        halves.append((colours(picture[:, :middle]), colours(picture[:, middle:])))
    assert halves[0] == (0, 0)
    assert halves[1][0] == 0 < halves[1][1]
    assert halves[2][1] == 0 < halves[2][0]


def test_names_of_any_kind_and_number() -> None:
    strange = ["_hidden", "$x^$", "", "Gänseblümchen"]
    with_names = np.asarray(draw_code_map(random_map(60, 4, 4), strange, strange))
    without = np.asarray(draw_code_map(random_map(60, 4, 4)))
    assert not np.array_equal(with_names, without)
    # Names of more classes than colours can tell apart have no legend.
    many = [str(number) for number in range(102)]
    named, plain = (np.asarray(draw_code_map(random_map(200, 102, 102), names, names)) for names in (many, ()))
    assert np.array_equal(named, plain)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require_matplotlib("maps of codes")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'priorkit\[figures\]'"):
        draw_code_map(random_map(5, 0, 0))
