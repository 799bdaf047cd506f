import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from device_of_single_precision import SinglePrecisionTensor
from priorkit.data import to_float, to_uint8
from priorkit.errors import ConfigurationError, DataError, MissingExtraError
from priorkit.evaluation import (
    CATALOGUE,
    EvaluationSettings,
    Score,
    clustering_accuracy,
    code_discrepancy,
    evaluate_model,
    frechet_distance,
    inception_score,
)
from priorkit.evaluation.encodings import encode_held_out
from priorkit.interfaces import ImageSet
from priorkit.training import Session

SETTINGS = EvaluationSettings(samples=40, importance_samples=4)
FEATURES = ("inception-score", "frechet-distance", "kernel-distance", "precision", "recall", "density", "coverage")


def scored(session: Session, extractor: Any = None, **changes: Any) -> dict[str, Score]:
    settings = dataclasses.replace(SETTINGS, **changes)
    found = evaluate_model(session.model, session.data, extractor, settings)
    return {score.name: score for score in found}


@pytest.fixture(scope="module")
def vae_scores(vae: Session, rows: Callable[..., Any]) -> dict[str, Score]:
    return scored(vae, rows())


def test_every_score_has_a_value_or_a_reason(vae_scores: dict[str, Score]) -> None:
    assert list(vae_scores) == [item.name for item in CATALOGUE]
    for score in vae_scores.values():
        assert score.note if score.skipped else math.isfinite(score.value or 0.0)
        assert score.resolution == 16
    skipped = {name: score.note for name, score in vae_scores.items() if score.skipped}
    assert skipped.keys() == {
        "label-agreement",
        "r-precision",
        "clip-score",
        "caption-kernel-distance",
        "colour-agreement",
        "lpips",
        "clustering-accuracy",
        "mutual-information",
        "rand-index",
        "codebook-use",
        "codebook-perplexity",
    }
    assert "at least 32 pixels" in skipped["lpips"]
    assert "has no clusters" in skipped["rand-index"]
    assert skipped["r-precision"] == skipped["colour-agreement"] == "the model is not conditioned on texts"


def test_no_score_needs_float64_on_the_device(
    vae: Session, vae_scores: dict[str, Score], rows: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, asked = vae.model, []

    def there(compute: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def on_the_device(*given: Any, **how: Any) -> Tensor:
            asked.append(compute)
            return compute(*given, **how).as_subclass(SinglePrecisionTensor)

        return on_the_device

    monkeypatch.setattr(type(model), "decode", there(type(model).decode))
    monkeypatch.setattr(type(model.prior), "log_prob", there(type(model.prior).log_prob))
    assert scored(vae, rows()) == vae_scores
    assert len(set(asked)) == 2


def test_scores_of_samples(vae: Session, vae_scores: dict[str, Score], rows: Callable[..., Any]) -> None:
    extractor = rows()
    extractor.prepare(vae.data)
    made = extractor.extract(to_uint8(vae.model.sample(40, seed=0)))
    real = extractor.extract(vae.data.test.images)
    distance = vae_scores["frechet-distance"]
    assert distance.value == pytest.approx(frechet_distance(made.features, real.features), rel=1e-4)
    assert (distance.samples, distance.real) == (40, 20)
    assert "against held-out images" in distance.note
    assert "biased" in distance.note
    score = vae_scores["inception-score"]
    assert (score.value, score.spread) == pytest.approx(inception_score(made.probabilities), rel=1e-4)
    for name in FEATURES:
        assert vae_scores[name].label.startswith("rows ")
        assert vae_scores[name].extractor == extractor.description()
        assert vae_scores[name].samples == 40


def test_the_distance_of_reconstructions(vae: Session, vae_scores: dict[str, Score], rows: Callable[..., Any]) -> None:
    extractor = rows()
    extractor.prepare(vae.data)
    images = vae.data.test.images
    made = extractor.extract(to_uint8(vae.model.reconstruct(to_float(images))))
    distance = vae_scores["reconstruction-distance"]
    expected = frechet_distance(made.features, extractor.extract(images).features)
    assert distance.value == pytest.approx(expected, rel=1e-4)
    assert (distance.samples, distance.real) == (20, 20)
    assert distance.label == "rows Fréchet distance of reconstructions"
    without = {score.name: score for score in evaluate_model(vae.model, vae.data)}["reconstruction-distance"]
    assert without.note == "there is no feature extractor"


def test_scores_of_reconstructions_and_codes(vae: Session, vae_scores: dict[str, Score]) -> None:
    images = to_float(vae.data.test.images)
    made = vae.model.reconstruct(images)
    error = vae_scores["reconstruction-error"]
    assert error.value == pytest.approx(float((made - images).square().mean()), rel=1e-4)
    each = (made - images).square().flatten(1).mean(1)
    assert error.spread == pytest.approx(float(each.std()) / 20**0.5, rel=1e-3)
    assert error.real == 20
    assert vae_scores["psnr"].value == pytest.approx(float((10 * torch.log10(4 / each)).mean()), rel=1e-4)
    with vae.model.ready():
        posterior = vae.model.encoder(images)
    # Draws, not means: the aggregated posterior has the posteriors' variances in it.
    noise = torch.randn(20, 4, generator=torch.Generator().manual_seed(5))
    prior = vae.model.codes(20, 0)
    values = [
        code_discrepancy(posterior.mean + s * (0.5 * posterior.log_variance).exp() * noise, prior) for s in (0, 1)
    ]
    found = vae_scores["code-discrepancy"].value
    assert abs(found - values[1]) < abs(found - values[0])


def test_bounds_of_the_likelihood(vae_scores: dict[str, Score]) -> None:
    bound, tighter = vae_scores["elbo"], vae_scores["importance-weighted-bound"]
    assert bound.value < tighter.value < 0
    assert bound.real == 20
    assert "4 draws an image" in bound.note
    assert "--binarise" in bound.note
    parts = [
        vae_scores[name].value
        for name in ("elbo-reconstruction", "elbo-mutual-information", "elbo-marginal-divergence")
    ]
    # One draw an image against four.
    assert parts[0] - parts[1] - parts[2] == pytest.approx(bound.value, abs=0.05 * abs(bound.value))
    assert parts[1] <= math.log(20)
    assert f"log 20 = {math.log(20):.3f}" in vae_scores["elbo-mutual-information"].note
    assert 0 <= vae_scores["active-units"].value <= 4


def test_the_elbo_is_the_loss_that_was_trained(vae: Session) -> None:
    # Reconstruction and divergence as training computes them, over many draws of the same binarised images.
    score = scored(vae, scores=("elbo",), binarise="threshold", importance_samples=300)["elbo"]
    images = to_float((vae.data.test.images >= 128).to(torch.uint8) * 255)
    model, total = vae.model, []
    generator = torch.Generator().manual_seed(1)
    with model.ready():
        for _ in range(300):
            posterior = model.encoder(images, torch.randn(20, 4, generator=generator))
            terms = vae.system.regularizer.encoder_terms(posterior, model.prior, posterior.code)
            total.append(model.loss(model.decode(posterior.code, from_prior=False), images) + terms["regularization"])
    assert score.value == pytest.approx(-float(torch.stack(total).mean()), rel=0.01)
    assert "--binarise" not in score.note


@pytest.mark.parametrize("law", ["laplace", "logistic"])
def test_posteriors_that_only_the_encoder_can_draw_from(law: str, tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", encoder=law, prior=law, loss={"distance": "cross-entropy"})
    found = scored(session, scores=("likelihood", "code-discrepancy"), binarise="threshold", importance_samples=200)
    images = to_float((session.data.test.images >= 128).to(torch.uint8) * 255)
    model, total = session.model, []
    generator = torch.Generator().manual_seed(1)
    with model.ready():
        for _ in range(200):
            posterior = model.encoder(images, torch.randn(len(images), 4, generator=generator))
            density = model.prior.log_prob(posterior.code) - posterior.log_prob
            total.append(model.loss.log_likelihood(model.decode(posterior.code, from_prior=False), images) + density)
    log_weights = torch.stack(total)
    assert found["elbo"].value == pytest.approx(float(log_weights.mean()), rel=0.01)
    tighter = float((log_weights.logsumexp(0) - math.log(200)).mean())
    assert found["importance-weighted-bound"].value == pytest.approx(tighter, rel=0.01)
    assert "of its own draws only" in found["elbo-mutual-information"].note
    # Codes are draws, no means.
    drawn, again, other = (
        encode_held_out(model, session.data, dataclasses.replace(SETTINGS, seed=seed)).posterior for seed in (0, 0, 1)
    )
    assert torch.equal(drawn.code, again.code)
    assert torch.equal(drawn.mean, other.mean)
    assert not torch.isclose(drawn.code, drawn.mean).any()
    assert not torch.isclose(drawn.code, other.code).any()


def test_the_same_seed_gives_the_same_scores(vae: Session, rows: Callable[..., Any]) -> None:
    state = torch.random.get_rng_state()
    weights = {key: value.clone() for key, value in vae.weights().items()}
    first, again, other = (scored(vae, rows(), seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, weights[key]) for key, value in vae.weights().items())
    assert all(module.training for module in vae.system.modules().values())


def test_only_what_is_asked_for_is_computed(vae: Session, rows: Callable[..., Any]) -> None:
    extractor = rows(error=AssertionError("not asked for"))
    assert list(scored(vae, extractor, scores=("psnr",))) == ["psnr"]
    told: list[str] = []
    evaluate_model(vae.model, vae.data, rows(), dataclasses.replace(SETTINGS, scores=("recall",)), tell=told.append)
    assert told == ["samples"]
    with pytest.raises(ConfigurationError, match="did you mean 'psnr'"):
        scored(vae, scores=("pnsr",))


def test_samples_are_made_a_chunk_at_a_time(vae: Session, rows: Callable[..., Any], monkeypatch: Any) -> None:
    monkeypatch.setattr("priorkit.evaluation.images._PIXELS", 9 * 16**2)
    extractor = rows()
    scored(vae, extractor, scores=("samples",))
    assert max(extractor.sizes) == 9
    assert sum(extractor.sizes) == 60


@pytest.mark.parametrize("error", [DataError("no weights here"), MissingExtraError("no weights here")])
def test_weights_that_cannot_be_had_are_a_reason(vae: Session, rows: Callable[..., Any], error: Exception) -> None:
    found = scored(vae, rows(error=error), scores=("samples", "psnr"))
    assert found["psnr"].value
    for name in FEATURES:
        assert found[name].note == "no weights here"
        assert found[name].label.startswith("Rows ")


def test_a_wrong_option_is_an_error(vae: Session, rows: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        scored(vae, rows(error=ConfigurationError("no such file")))


def test_the_published_names(vae: Session, rows: Callable[..., Any]) -> None:
    found = scored(vae, rows(standard=True), scores=("samples",))
    assert [found[name].label for name in FEATURES[:4]] == ["IS", "FID", "KID", "rows precision"]


def test_an_extractor_that_does_not_classify(vae: Session, rows: Callable[..., Any]) -> None:
    found = scored(vae, rows(classifies=False), scores=("samples",))
    assert "gives no probabilities" in found["inception-score"].note
    assert found["frechet-distance"].value is not None


def test_images_to_compare_with(vae: Session, rows: Callable[..., Any]) -> None:
    found = scored(vae, rows(), scores=("frechet-distance",), against="train")["frechet-distance"]
    assert (found.real, found.note[:20]) == (24, "against train images")


def test_without_an_extractor(vae: Session) -> None:
    assert scored(vae, scores=("recall",))["recall"].note == "there is no feature extractor"


def test_models_without_a_likelihood(trained: Callable[..., Session]) -> None:
    found = scored(trained("learned"), scores=("likelihood",))
    assert "deterministic" in found["elbo"].note
    assert "deterministic" in found["active-units"].note
    found = scored(trained("aae", encoder="gaussian", prior="learned"), scores=("likelihood",))
    assert "prior has no density" in found["elbo"].note
    assert found["active-units"].value is not None
    found = scored(trained("vae", loss={"name": "pixel", "reduction": "mean"}), scores=("likelihood",))
    assert "--loss.reduction sum" in found["elbo"].note


def test_a_learned_density(trained: Callable[..., Session]) -> None:
    loss = {"name": "pixel", "reduction": "sum"}
    found = scored(trained("vae", prior="location", loss=loss), scores=("likelihood",))
    assert not any(score.skipped for score in found.values())
    assert "Bernoulli" not in found["elbo"].note


def test_one_held_out_image(trained: Callable[..., Session], rows: Callable[..., Any]) -> None:
    session = trained("vae", loss={"name": "pixel", "reduction": "sum"}, dataset={"test": 1})
    found = scored(session, rows())
    assert found["reconstruction-error"].spread is None
    assert "only 1 held-out image" in found["recall"].note
    for name in ("code-discrepancy", "elbo", "active-units"):
        assert found[name].skipped


def test_clusters_of_the_prior(vae: Session, monkeypatch: Any) -> None:
    labels = vae.data.test.labels
    assert labels is not None
    model = vae.model

    def responsibilities(code: Tensor) -> Tensor:
        # Whatever the code, the labels under other names, but for the first image.
        found = 2 - labels.clone()
        found[0] = 0
        return torch.nn.functional.one_hot(found, 3).float()

    monkeypatch.setattr(model.prior, "clusters", 3, raising=False)
    monkeypatch.setattr(model.prior, "responsibilities", responsibilities, raising=False)
    found = scored(vae, scores=("clustering",))
    assert found["clustering-accuracy"].value == pytest.approx(0.95)
    assert 0.5 < found["mutual-information"].value < 1
    assert 0.5 < found["rand-index"].value < 1
    assert "3 components of the prior" in found["rand-index"].note
    plain = dataclasses.replace(vae.data, test=ImageSet(vae.data.test.images))
    (score,) = evaluate_model(model, plain, None, dataclasses.replace(SETTINGS, scores=("rand-index",)))
    assert "no labels" in score.note


def test_clusters_of_a_mixture(trained: Callable[..., Session]) -> None:
    loss = {"name": "pixel", "reduction": "sum"}
    found = scored(trained("gm-vae", loss=loss), scores=("clustering", "elbo"))
    assert not any(score.skipped for score in found.values())


def test_agreement_with_the_labels_asked_for(trained: Callable[..., Session], rows: Callable[..., Any]) -> None:
    session = trained("learned-supervised")
    (score,) = scored(session, rows(), scores=("label-agreement",)).values()
    labels = torch.arange(40) % 2
    asked = torch.nn.functional.one_hot(labels, 2).float()
    extractor = rows()
    extractor.prepare(session.data)
    found = extractor.extract(to_uint8(session.model.sample(40, 0, asked))).probabilities.argmax(1)
    assert score.value == pytest.approx(float((found == labels).double().mean()))
    assert score.samples == 40
    assert score.label == "rows label agreement"
    unaware = rows()
    unaware.knows_labels = False
    (score,) = scored(session, unaware, scores=("label-agreement",)).values()
    assert "use --extractor classifier" in score.note


def test_clusters_of_an_unsupervised_classifier(trained: Callable[..., Session]) -> None:
    session = trained("learned-unsupervised", condition={"classes": 3})
    found = scored(session, scores=("clustering", "label-agreement"))
    images = to_float(session.data.test.images)
    assert found["clustering-accuracy"].value == pytest.approx(
        clustering_accuracy(session.model.recognise(images).argmax(1), session.data.test.labels)
    )
    assert found["rand-index"].note == "3 classes of Q"


def test_a_model_that_only_samples(trained: Callable[..., Session], rows: Callable[..., Any]) -> None:
    session = trained("learned", encoder="none", loss="none", regularizer="none")
    found = scored(session, rows())
    for item in CATALOGUE:
        score = found[item.name]
        if item.group in ("reconstruction", "codes", "likelihood"):
            assert score.note == "the model has no encoder"
    assert not any(found[name].skipped for name in FEATURES)


def test_a_density_of_each_condition_alone_is_no_likelihood(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session(
        "vae", prior={"name": "flow", "hidden": [8]}, condition={"name": "labels", "recovery": "none"}
    )
    found = scored(session, scores=("likelihood",))
    assert found["elbo"].skipped
    assert "a density for each s" in found["elbo"].note
    assert found["active-units"].value is not None
