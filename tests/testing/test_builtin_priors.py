"""Every built-in prior keeps its contract."""

from collections.abc import Callable

from priorkit.interfaces import CodeSpace, Encoder, ImageShape
from priorkit.testing import Case, Situations
from priorkit_plugins.gaussian_encoder.encoder import GaussianEncoder
from priorkit_plugins.hierarchical_encoder.encoder import HierarchicalEncoder
from priorkit_plugins.mlp_networks.networks import MLPNetworks
from quick_choices import contracts

DENSITY = ("densities_normalise", "samples_follow_the_density")
MIXTURE = (*DENSITY, "dimensions_are_summed_first", "parts_share_each_code")
PLANE = Situations(code_dims=(2,), codes=(), classes=(0,))
VECTORS = Situations(code_dims=(2,), codes=())
SMALL_TILT = {"hidden": 8, "candidates": 20, "steps": 2, "constant_draws": 4096}
SMALL_MASKED = {"hidden": 16, "components": 2}
BRIEFLY = Situations(code_dims=(2, 3), codes=(), classes=(0,), examples=2)
FITS_ITSELF = ("fits_itself_to_the_codes", "fits_itself_in_place")
MAPS = Situations(code_dims=(), codes=(CodeSpace((2, 2, 2)),), classes=(0,))
FLOWS = Situations(code_dims=(2, 1), codes=(), classes=(0,), examples=2)
ONE_SIZE = Situations(code_dims=(2,), codes=())
ON_A_SURFACE = ("densities_are_by_the_measure", "densities_add_up_on_the_support")
SMALL_FLOW = {"transforms": 2, "hidden": (8,)}
SMALL_TRANSFORMER = {"layers": 1, "width": 16, "heads": 2, "dropout": 0.1}
INDICES = ("probabilities_are_those_of_the_samples", "learns_the_indices")
SOME_INDICES = Situations(code_dims=(), codes=(CodeSpace((3, 1), entries=3),), classes=(3,))


def two_levels(code_dim: int) -> Encoder:
    """The encoder `hierarchical` for 16x16 grey images."""
    networks = MLPNetworks(ImageShape(1, 16), hidden=8, layers=1)
    top = GaussianEncoder(networks.encoder(2 * (code_dim // 2)), code_dim // 2)
    return HierarchicalEncoder(top, networks.encoder(4), code_dim, hidden=4)


CASES = [
    Case("prior", "gaussian", required=DENSITY),
    Case("prior", "gaussian", {"mean": 1.0, "std": 0.5}, required=DENSITY),
    Case("prior", "uniform", {"low": -2.0, "high": 1.5}, required=DENSITY),
    Case("prior", "laplace", {"location": 0.5, "scale": 0.7}, required=DENSITY, situations=BRIEFLY),
    Case("prior", "logistic", {"location": 0.5, "scale": 0.7}, required=DENSITY, situations=BRIEFLY),
    Case("prior", "uniform-sphere", required=ON_A_SURFACE, situations=BRIEFLY),
    Case(
        "prior",
        "von-mises-fisher",
        {"components": 3, "learned": True},
        required=("densities_are_by_the_measure", "parts_share_each_code"),
        situations=BRIEFLY,
    ),
    Case("prior", "wrapped-normal", {"curvature": 2.0, "std": 0.7}, required=DENSITY, situations=BRIEFLY),
    Case("prior", "dirichlet", {"concentration": 0.8}, required=ON_A_SURFACE, situations=BRIEFLY),
    Case("prior", "logistic-normal", required=ON_A_SURFACE, situations=BRIEFLY),
    Case(
        "prior",
        "categorical",
        {"classes": 2, "learned": True},
        required=("densities_are_by_the_measure",),
        situations=Situations(code_dims=(4,), codes=(), classes=(0,), examples=2),
    ),
    Case("prior", "vampprior", {"pseudo_inputs": 3, "start": "images"}, required=DENSITY),
    Case("prior", "vampprior", {"pseudo_inputs": 3, "learned_weights": True}, required=DENSITY, situations=PLANE),
    Case(
        "prior",
        "hierarchical-vampprior",
        {"pseudo_inputs": 3, "start": "images", "hidden": 4, "layers": 1},
        required=DENSITY,
        situations=Situations(code_dims=(2,), classes=(0,), encoder=two_levels),
    ),
    Case(
        "prior",
        "exemplar",
        {"std": 0.3},
        required=("leaves_images_out", *DENSITY),
        situations=Situations(code_dims=(2, 1), classes=(0,)),
    ),
    Case("prior", "mixture", {"components": 3, "radius": 2.0}, required=MIXTURE),
    Case("prior", "mixture", {"components": 4, "learned": True, "means": "random"}, required=DENSITY),
    Case("prior", "mixture", {"learned": True, "means": "encodings"}, required=("labels_change_codes", *MIXTURE)),
    *(
        Case(
            "prior",
            "mixture",
            {"em": True, "components": 2, "means": "random", "covariance": covariance},
            required=(*FITS_ITSELF, *MIXTURE),
            situations=Situations(code_dims=(2,), codes=(), classes=classes),
        )
        for covariance, classes in (("full", (3,)), ("diagonal", (0,)))
    ),
    Case("prior", "tree", {"depth": 2, "branching": 2}, required=("parameters_have_a_loss", *DENSITY)),
    Case("prior", "flow", SMALL_FLOW, required=("labels_change_codes", *DENSITY), situations=Situations(classes=(3,))),
    *(
        Case("prior", "flow", {"kind": kind, **SMALL_FLOW}, required=DENSITY, situations=FLOWS)
        for kind in ("realnvp", "coupling-nsf", "maf", "nsf")
    ),
    Case("prior", "autoregressive", SMALL_MASKED, required=("labels_change_codes", *DENSITY), situations=VECTORS),
    Case("prior", "autoregressive", {**SMALL_MASKED, "distribution": "normal"}, required=DENSITY, situations=PLANE),
    Case(
        "prior",
        "autoregressive",
        {**SMALL_MASKED, "maps": "transformer", "layers": 1, "width": 8, "heads": 2},
        required=("labels_change_codes", *DENSITY),
        situations=Situations(code_dims=(), codes=(CodeSpace((1, 1, 2)), CodeSpace((2, 1, 2))), classes=(3,)),
    ),
    Case(
        "prior",
        "noise-contrastive",
        SMALL_TILT,
        required=("labels_change_codes", "learns_the_codes", *DENSITY),
        situations=VECTORS,
    ),
    Case(
        "prior",
        "noise-contrastive",
        {**SMALL_TILT, "base": "gaussian", "sampler": "langevin"},
        required=DENSITY,
        situations=PLANE,
    ),
    Case(
        "prior",
        "resampled",
        {"hidden": 8, "truncation": 4, "draws": 64},
        required=("labels_change_codes", *DENSITY),
        situations=VECTORS,
    ),
    Case(
        "prior",
        "energy",
        {"hidden": 8, "steps": 2},
        required=("labels_change_codes", "learns_the_codes"),
        situations=VECTORS,
    ),
    Case("prior", "swiss-roll", required=("labels_change_codes",)),
    Case("prior", "labelled-gaussian", required=("labels_change_codes",)),
    Case("prior", "learned", required=("labels_change_codes",)),
    Case("prior", "learned", {"conditioning_augmentation": 2.0}, required=("labels_change_codes",)),
    Case(
        "prior",
        "flow-matching",
        {"hidden": 32, "steps": 4},
        required=("labels_change_codes", "learns_the_codes"),
        situations=ONE_SIZE,
    ),
    Case("prior", "flow-matching", {"width": 8, "steps": 2}, required=("learns_the_codes",), situations=MAPS),
    Case(
        "prior",
        "diffusion",
        {"hidden": 16, "steps": 3, "eta": 0.5, "guidance": 0.5, "condition_dropout": 0.1},
        required=("labels_change_codes", "learns_the_codes"),
        situations=Situations(code_dims=(2,), codes=(), classes=(3,)),
    ),
    Case(
        "prior",
        "two-stage",
        {"hidden": 16, "layers": 1},
        required=("labels_change_codes", "learns_the_codes"),
        situations=ONE_SIZE,
    ),
    Case("prior", "kde", {"bandwidth": 0.3}, required=(*FITS_ITSELF, *DENSITY), situations=ONE_SIZE),
    Case("prior", "full-gaussian", required=FITS_ITSELF),
    Case("prior", "autoregressive", SMALL_TRANSFORMER, required=INDICES, situations=SOME_INDICES),
    Case("prior", "uniform", required=INDICES[:1], situations=SOME_INDICES),
    Case("prior", "index-frequencies", required=("labels_change_codes", *INDICES), situations=SOME_INDICES),
    Case("prior", "full-gaussian", {"diagonal": True}, required=("fits_itself_to_the_codes",)),
]


def test_every_prior_is_looked_at(built_in: Callable[[str], set[str]]) -> None:
    assert {case.subject for case in CASES} == built_in("prior")


@contracts(CASES)
def test_built_in_priors(check: Callable[[], None]) -> None:
    check()
