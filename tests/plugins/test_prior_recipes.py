"""Recipes with priors that learn by likelihood, and what does not go with such priors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from priorkit.engine import CheckpointStore
from priorkit.errors import ConfigurationError
from priorkit.interfaces import Learning
from priorkit.training import Session

RECIPES: list[tuple[str, dict[str, Any]]] = [
    ("vampprior", {"prior": {"pseudo_inputs": 5}, "regularizer": {"warm_up": 6}}),
    ("vampprior", {"prior": {"pseudo_inputs": 5, "start": "images"}, "precision": "bfloat16"}),
    ("tree-vae", {}),
    ("gm-vae", {"prior": {"means": "encodings"}}),
    ("flow-vae", {"prior": {"hidden": (8,)}}),
    ("flow-vae", {"prior": {"hidden": (8,)}, "condition": "labels", "precision": "bfloat16"}),
    ("gm-vae", {"prior": {"components": 2}, "condition": "labels"}),
    ("vmf-vae", {}),
    ("vmf-vae", {"prior": {"name": "von-mises-fisher", "learned": True, "components": 3}, "precision": "bfloat16"}),
    ("poincare-vae", {"precision": "bfloat16"}),
    ("dirichlet-vae", {}),
    ("dirichlet-vae", {"encoder": "logistic-normal", "prior": "logistic-normal"}),
    ("categorical-vae", {"encoder": {"annealing": 5}}),
    ("aae-reparameterised", {}),
    ("aae", {"prior": "uniform"}),
    ("aae", {"prior": "swiss-roll", "code_dim": 2, "condition": "labels"}),
    ("aae", {"prior": "labelled-gaussian", "condition": "labels"}),
    ("aae", {"prior": "mixture"}),
]

every = pytest.mark.parametrize(("recipe", "changes"), RECIPES, ids=lambda value: str(value))


@every
def test_a_run_that_goes_on_is_the_same_run(
    recipe: str, changes: dict[str, Any], tiny_session: Callable[..., Session], tmp_path: Path
) -> None:
    whole, first, second = (tiny_session(recipe, **changes) for _ in range(3))
    start = {name: tensor.clone() for name, tensor in whole.weights().items()}
    for _ in range(8):
        whole.step()
    for _ in range(4):
        first.step()
    store = CheckpointStore(tmp_path)
    store.save(first.steps, first.weights(), first.state(), ["last"])
    second.step()
    second.load(store.load_weights(), store.load_state())
    for _ in range(4):
        second.step()
    expected, found = whole.weights(), second.weights()
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert second.model.sample(5).equal(whole.model.sample(5))
    assert whole.engine.losses(reset=False) == second.engine.losses(reset=False)
    # Whatever is learned has moved, and its average with it.
    learned = {f"prior/{name}" for name, _ in whole.system.prior.named_parameters()}
    assert bool(learned) == (whole.system.prior.learning is Learning.LIKELIHOOD)
    for name in learned | {f"average/{name}" for name in learned}:
        assert not torch.equal(expected[name], start[name]), name


def test_the_warm_up_is_counted_in_checkpoints(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vampprior", prior={"pseudo_inputs": 5})
    for _ in range(3):
        session.step()
    session.review()
    assert session.weights()["regularizer/updates"] == 3


def test_the_trees_own_density_is_a_term(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("tree-vae")
    expected = session.system.prior.parameter_loss().item()
    session.step()
    assert session.engine.losses(reset=False)["autoencoder/prior"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("recipe", "changes", "message"),
    [
        (
            "aae",
            {"prior": "vampprior"},
            "--prior vampprior: needs an encoder that gives a distribution; use --encoder g",
        ),
        ("aae", {"prior": "tree"}, "--regularizer adversarial: does not use the prior's density, by which TreePrior"),
        ("vae", {"prior": "tree", "regularizer": "none"}, "--regularizer none: trains nothing, but TreePrior learns"),
        ("vae", {"prior": "uniform"}, "--regularizer kl: needs a prior with a density above 0 everywhere"),
        ("vae", {"prior": "swiss-roll", "code_dim": 2}, "SwissRollPrior can only be sampled"),
        ("aae", {"prior": "swiss-roll"}, "use --code-dim 2"),
        ("aae", {"prior": "labelled-gaussian"}, "use --condition labels"),
        ("gm-vae", {"condition": "labels"}, "--prior.components 2"),
    ],
)
def test_what_does_not_go_together(
    recipe: str, changes: dict[str, Any], message: str, tiny_session: Callable[..., Session]
) -> None:
    with pytest.raises(ConfigurationError) as error:
        tiny_session(recipe, **changes)
    assert message in str(error.value)
