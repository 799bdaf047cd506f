"""A prior as an estimator of scikit-learn's."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from priorkit import PriorDensity

X = np.random.default_rng(0).normal(size=(90, 4)) * [1, 2, 3, 4] + 5
Y = np.array(["a", "b", "c"])[np.arange(90) % 3]
FLOW: dict[str, Any] = {"prior": {"name": "flow", "hidden": (8,), "transforms": 1}, "steps": 3, "device": "cpu"}


def test_it_keeps_scikit_learns_rules() -> None:
    with warnings.catch_warnings():
        # One check is skipped where scipy is not set up for it.
        warnings.simplefilter("ignore")
        check_estimator(PriorDensity(device="cpu", random_state=0))


def test_a_full_gaussian_is_scikit_learns() -> None:
    mine = PriorDensity({"name": "full-gaussian", "ridge": 0}, device="cpu").fit(X)
    theirs = GaussianMixture(1, reg_covar=0).fit(X)
    assert np.allclose(mine.score_samples(X), theirs.score_samples(X), atol=1e-3)
    assert np.isclose(mine.score(X), theirs.score(X), atol=1e-3)
    rows, labels = mine.sample(5)
    assert (rows.shape, rows.dtype, labels) == ((5, 4), np.float64, None)


def test_the_random_state_says_what_is_learned_and_drawn() -> None:
    first, second, other = (PriorDensity(random_state=seed, **FLOW).fit(X) for seed in (1, 1, 2))
    assert np.array_equal(first.sample(3)[0], second.sample(3)[0])
    assert np.array_equal(first.score_samples(X), second.score_samples(X))
    assert not np.array_equal(first.score_samples(X), other.score_samples(X))
    state = np.random.RandomState(3)
    drawn = PriorDensity(random_state=state, **FLOW).fit(X)
    assert not np.array_equal(drawn.sample(3)[0], drawn.sample(3)[0])


def test_classes_condition_it_where_that_is_wanted() -> None:
    model = PriorDensity(conditional=True, random_state=0, **FLOW).fit(X, Y)
    rows, classes = model.sample(30)
    assert rows.shape == (30, 4)
    assert classes is not None
    assert set(classes) <= set(Y)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.score_samples(X).shape == (90,)
    assert PriorDensity(device="cpu").fit(X, Y).sample()[1] is None
    with pytest.raises(ValueError, match="y is missing"):
        PriorDensity(conditional=True, device="cpu").fit(X)


def test_it_works_in_pipelines_and_searches() -> None:
    model = make_pipeline(PCA(2), PriorDensity({"name": "full-gaussian"}, device="cpu"))
    search = GridSearchCV(
        model,
        {"priordensity__prior": ["full-gaussian", {"name": "full-gaussian", "ridge": 10.0}]},
        cv=2,
        error_score="raise",
    ).fit(X)
    assert search.best_params_["priordensity__prior"] == "full-gaussian"
    assert np.isclose(search.score(X), search.best_estimator_.score(X))
    assert clone(model).get_params()["priordensity__device"] == "cpu"


def test_mistakes_are_told() -> None:
    with pytest.raises(NotFittedError):
        PriorDensity().sample()
    sampled = PriorDensity(
        {"name": "flow-matching", "hidden": 4, "layers": 1}, steps=1, device="cpu", settings={"average": 0}
    ).fit(X)
    assert sampled.sample(2)[0].shape == (2, 4)
    with pytest.raises(TypeError, match="no density"):
        sampled.score_samples(X)
    for name, place in (("steps", "steps"), ("batch_size", "batch_size"), ("seed", "random_state"), ("codes", "fit")):
        with pytest.raises(ValueError, match=f"^settings has '{name}', which is given by {place}.* here; leave it out"):
            PriorDensity(device="cpu", settings={name: 3}).fit(X)
    with pytest.raises(ValueError, match="--prior gaussian: it has nothing to learn"):
        PriorDensity("gaussian").fit(X)
    with pytest.raises(ValueError, match="--batch-size 91 is more than the 90 codes"):
        PriorDensity(batch_size=91, **FLOW).fit(X)
