"""The encoder `example-vq` and the prior `recurrent`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from priorkit import load_run
from priorkit.cli import main
from priorkit.interfaces import CodeSpace
from priorkit.testing import Case, parametrize_with_checks
from torch import Tensor, nn

from priorkit_vq.encoder import VectorQuantisedEncoder
from priorkit_vq.prior import RecurrentPrior

CASES = [
    Case("encoder", "example-vq", {"entries": 7}, required=("terms_are_losses", "indices_are_of_the_codebook")),
    Case("prior", "recurrent", {"width": 16}, required=("probabilities_are_those_of_the_samples",)),
]
TINY = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 3 --code-size 4 --device cpu"

seeds = st.integers(0, 2**32 - 1)


@parametrize_with_checks(CASES)
def test_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


def encoder_of_maps(seed: int, commitment: float = 0.25) -> VectorQuantisedEncoder:
    """Returns an encoder whose images are the maps themselves: 3 channels, 2 high and 2 wide."""
    torch.manual_seed(seed)
    return VectorQuantisedEncoder(nn.Flatten(), CodeSpace((3, 2, 2)), 5, commitment)


@settings(deadline=None, max_examples=30)
@given(seed=seeds, n=st.integers(1, 6))
def test_every_vector_is_the_nearest_of_the_codebook(seed: int, n: int) -> None:
    encoder = encoder_of_maps(seed)
    maps = torch.randn(n, 3, 2, 2)
    found = encoder(maps)
    assert found.indices is not None
    for image, indices, code in zip(maps, found.indices, found.code.view(n, 3, 2, 2), strict=True):
        for place in range(4):
            row, column = divmod(place, 2)
            distances = torch.cdist(image[None, :, row, column], encoder.codebook.detach())
            assert indices[place] == distances.argmin()
            torch.testing.assert_close(code[:, row, column], encoder.codebook[indices[place]])


@settings(deadline=None, max_examples=20)
@given(seed=seeds, commitment=st.floats(0, 4))
def test_gradients_pass_the_codebook_by(seed: int, commitment: float) -> None:
    """The decoder's gradient passes unchanged; the terms have the gradients of Eq. 3 of van den Oord et al. 2017."""
    encoder = encoder_of_maps(seed, commitment)
    maps = torch.randn(4, 3, 2, 2, requires_grad=True)
    found, weights = encoder(maps), torch.randn(4, 12)
    (straight,) = torch.autograd.grad((found.code * weights).sum(), maps, retain_graph=True)
    torch.testing.assert_close(straight.flatten(1), weights)
    apart = (maps.flatten(1) - found.code).detach() * 2 / maps.numel()
    (committed,) = torch.autograd.grad(found.terms["commitment"], maps, retain_graph=True)
    torch.testing.assert_close(committed.flatten(1), commitment * apart, rtol=1e-4, atol=1e-6)
    (moved,) = torch.autograd.grad(found.terms["codebook"], encoder.codebook)
    assert found.indices is not None
    by_vector = -apart.view(4, 3, 4).mT.flatten(0, 1)
    expected = torch.zeros_like(moved).index_add(0, found.indices.flatten(), by_vector)
    torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-6)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(deadline=None, max_examples=15)
@given(seed=seeds, height=st.integers(1, 3), width=st.integers(1, 3), entries=st.integers(2, 5))
def test_an_index_depends_on_those_before_it_alone(seed: int, height: int, width: int, entries: int) -> None:
    """Conditional probabilities follow from the joint ones, and noise within an index's interval draws this index."""
    torch.manual_seed(seed)
    prior = RecurrentPrior(CodeSpace((height, width), entries), 8)
    code = torch.randint(entries, (1, height * width), generator=generator(seed))
    logits = torch.stack(list(prior._steps(code, None)), dim=1)
    changed = code.clone()
    last = height * width - 1
    changed[0, last] = (changed[0, last] + 1) % entries
    torch.testing.assert_close(torch.stack(list(prior._steps(changed, None)), dim=1), logits)
    shares = logits[0].softmax(1).double()
    expected = shares.gather(1, code.T).log().sum()
    torch.testing.assert_close(prior.log_prob(code)[0].double(), expected, rtol=1e-4, atol=1e-4)
    upper = shares.cumsum(1).gather(1, code.T)
    middle = (upper - shares.gather(1, code.T) / 2).float().T
    if float(shares.gather(1, code.T).min().detach()) > 1e-4:
        assert torch.equal(prior(middle), code)


STAGES = ["example-vq-vae", "--stages", "autoencoder:1,code-fitting"]
BESIDE = ["vae", "--encoder", "example-vq", "--prior", "recurrent", "--regularizer", "none"]


def trained(folder: Path, system: list[str] = STAGES) -> Path:
    run = folder / "run"
    assert main(["train", *system, *TINY.split(), "--steps", "2", "--out", str(run), "--quiet"]) == 0
    return run


@pytest.mark.parametrize(
    ("system", "phase"), [(STAGES, "code_fitting"), (BESIDE, "code_matching")], ids=["two stages", "beside"]
)
def test_trains_and_resumes(system: list[str], phase: str, tmp_path: Path) -> None:
    run = trained(tmp_path, system)
    assert main(["train", "--resume", str(run), "--steps", "4", "--quiet"]) == 0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    named = {"autoencoder/reconstruction", "autoencoder/codebook", "autoencoder/commitment", f"{phase}/codes"}
    assert {f"loss/{name}" for name in named} <= {key for row in rows for key in row}
    loaded = load_run(run, device="cpu")
    images = torch.rand(3, 1, 16, 16) * 2 - 1
    codes = loaded.encode(images)
    assert codes.shape == (3, 4, 4)
    assert codes.dtype == torch.int64
    torch.testing.assert_close(loaded.decode(codes, from_prior=False), loaded.reconstruct(images))
    assert loaded.sample(5).shape == (5, 1, 16, 16)


@pytest.mark.parametrize("flags", [[], ["--condition", "labels"]], ids=["all", "each class"])
def test_a_prior_is_fitted_to_the_codes_of_a_run(flags: list[str], tmp_path: Path) -> None:
    run, fitted, straight = trained(tmp_path), tmp_path / "fitted", tmp_path / "straight"
    fit = ["fit", str(run), "--prior", "recurrent", "--prior.width", "8", "--batch-size", "8", *flags, "--quiet"]
    assert main([*fit, "--steps", "2", "--out", str(fitted)]) == 0
    assert main(["train", "--resume", str(fitted), "--steps", "4", "--quiet"]) == 0
    assert main([*fit, "--steps", "4", "--out", str(straight)]) == 0
    drawn = []
    for folder in (fitted, straight):
        out = tmp_path / f"{folder.name}.npz"
        assert main(["sample", str(folder), "-n", "6", "--device", "cpu", "--out", str(out), "--quiet"]) == 0
        drawn.append(np.load(out)["images"])
    assert np.array_equal(*drawn)


def test_fitting_raises_the_probability_of_the_codes(tmp_path: Path) -> None:
    run, fitted = trained(tmp_path), tmp_path / "fitted"
    before = _nats(load_run(run, device="cpu"))
    flags = ["--batch-size", "32", "--steps", "60", "--learning-rate", "0.01", "--average", "0"]
    assert main(["fit", str(run), "--prior", "recurrent", *flags, "--quiet", "--out", str(fitted)]) == 0
    assert _nats(load_run(fitted, device="cpu")) > before + 1


def _nats(run: object) -> float:
    """Returns the mean log-probability of the codes of some images."""
    images = torch.rand(64, 1, 16, 16, generator=generator(0)) * 2 - 1
    codes: Tensor = run.encode(images).flatten(1)  # type: ignore[attr-defined]
    return float(run.prior.log_prob(codes).mean())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vae", "--encoder", "example-vq", "--regularizer", "none"], "say how high and wide maps are: --code-size 8"),
        (["vae", "--prior", "recurrent"], "--encoder example-vq --code-size 8"),
        (
            ["example-vq-vae", "--prior", "gaussian"],
            "codes of --encoder example-vq are indices; use a prior of indices",
        ),
        (["example-vq-vae", "--regularizer", "adversarial"], "use --regularizer none"),
        (["example-vq-vae", "--networks", "began"], "choose --networks residual, dcgan or mlp"),
        (["example-vq-vae", "--code-size", "5"], "--code-size may be 1, 2, 4, 8"),
        (["example-vq-vae", "--encoder.entries", "1"], "--encoder.entries"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments, "--image-size", "16", "--out", str(tmp_path / "run"), "--device", "cpu"]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()
