import pytest

from priorkit.errors import ConfigurationError
from priorkit.evaluation import CATALOGUE, GROUPS, EvaluationSettings, choose_scores
from priorkit.evaluation.catalogue import listed


def test_names_are_distinct() -> None:
    names = [*(item.name for item in CATALOGUE), *GROUPS]
    assert len(set(names)) == len(names)
    assert len({item.label for item in CATALOGUE}) == len(CATALOGUE)
    assert all(listed(item.name) is item for item in CATALOGUE)


def test_scores_are_chosen_by_name_and_group() -> None:
    assert choose_scores() == tuple(item.name for item in CATALOGUE)
    assert choose_scores(["ssim", " psnr "]) == ("psnr", "ssim")
    assert choose_scores(["codes", "recall"]) == (
        "recall",
        "code-discrepancy",
        "code-two-sample",
        "code-log-likelihood",
        "codebook-use",
        "codebook-perplexity",
    )


@pytest.mark.parametrize(
    ("name", "nearest"), [("frechet-distanc", "frechet-distance"), ("likelyhood", "likelihood"), ("FID", "")]
)
def test_an_unknown_score(name: str, nearest: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose_scores(["psnr", name])
    assert str(caught.value).startswith(
        f"unknown score {name!r}" + (f"; did you mean {nearest!r}?" if nearest else ".")
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": 1}, "--samples must be at least 2, not 1"),
        ({"importance_samples": 0}, "--importance-samples must be at least 1"),
        ({"likelihood_images": 1}, "--likelihood-images must be at least 2"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"against": "test"}, "--against must be one of held-out, train, not 'test'"),
        ({"binarise": "yes"}, "--binarise must be one of none, threshold, stochastic, not 'yes'"),
    ],
)
def test_wrong_settings(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        EvaluationSettings(**wrong)  # type: ignore[arg-type]
