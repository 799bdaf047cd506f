import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from priorkit.config import merge_settings, read_toml, recipe, resolve_config, validate_settings
from priorkit.data import load_data
from priorkit.registry import installed_plugins
from priorkit.studies import PAPER_STUDIES
from priorkit.training import Session

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize("file", sorted((EXAMPLES / "paper").glob("*.toml")), ids=lambda file: file.stem)
def test_configurations_are_valid(file):
    resolve_config(validate_settings(read_toml(file)), installed_plugins())


@pytest.fixture
def run_script(monkeypatch, capsys):
    """Runs a script as the main program in this process, and returns its output."""

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_the_script_trains_and_draws(run_script, tmp_path):
    assert "step 2: reconstruction_error" in run_script("train_and_sample.py", 2, tmp_path / "run")
    assert (tmp_path / "run/final.png").stat().st_size > 0


def test_digits_are_drawn_through_principal_components(run_script, tmp_path):
    drawn = tmp_path / "digits.png"
    assert run_script("digits_through_pca.py", 2, drawn) == f"100 digits in {drawn}\n"
    assert drawn.stat().st_size > 0


def test_embeddings_are_scored_and_drawn(run_script, tmp_path):
    embeddings, drawn = tmp_path / "embeddings.npy", tmp_path / "new.npy"
    given = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    given[7] = 20  # far from all others
    np.save(embeddings, given)
    said = run_script("fit_a_prior_to_embeddings.py", embeddings, drawn)
    assert "nats for a held-out embedding\nleast likely: row 7 (" in said
    assert np.load(drawn).shape == (1000, 3)


def test_embeddings_default_to_components_of_digits(run_script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = run_script("fit_a_prior_to_embeddings.py")
    one, mixture = (float(nats) for nats in re.findall(r": (-[\d.]+) nats", said))
    assert one < mixture
    assert np.load("new-embeddings.npy").shape == (1000, 12)


def test_images_of_ones_own_are_made_and_trained_on(run_script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "train_on_your_own_images.py"))["main"](steps=2)
    assert len(list(Path("shapes").glob("*/*.png"))) == 200
    again = run_script("train_on_your_own_images.py", "shapes/discs", 2, "run")
    assert "new images and reconstructions in run\n" in again
    for run in ("runs/own-images", "run"):
        assert all((Path(run) / name).stat().st_size > 0 for name in ("new-images.png", "reconstructions.png"))


@pytest.mark.usefixtures("registrations")
def test_a_prior_in_twenty_lines_conforms_and_trains(run_script, tmp_path):
    said = run_script("a_prior_in_twenty_lines.py", 2, tmp_path / "run")
    assert re.search(r"^two-bells passes \d+ checks; \d+ do not apply$", said, re.MULTILINE)
    assert (tmp_path / "run/report.html").exists()
    lines = (EXAMPLES / "a_prior_in_twenty_lines.py").read_text(encoding="utf-8").partition("class")[2].splitlines()
    assert len([line for line in lines[: lines.index('if __name__ == "__main__":')] if line.strip()]) <= 20


def test_priors_are_compared(run_script, tmp_path):
    rows = run_script("compare_priors.py", 2, tmp_path).partition("\nprior  ")[2].splitlines()
    assert [row.split()[0] for row in rows[1:6]] == ["gaussian", "full-gaussian", "mixture", "kde", "flow-matching"]
    assert re.fullmatch(r"kde +-?[\d.]+ +[\d.]+ +\d+% +[\d.]+", rows[4])
    assert rows[5].split()[1] == "-"


def test_the_page_of_examples_names_all_of_them():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    shown = {EXAMPLES / target for target in re.findall(r"^\| [^|]+ \| \[[^]]+\]\((.+?)\) \|", page, re.MULTILINE)}
    folders = {*EXAMPLES.glob("priorkit-*"), EXAMPLES / "paper"}
    assert {path for path in shown if not path.name.endswith(".md")} == {
        *EXAMPLES.glob("*.py"),
        *(EXAMPLES / "notebooks").glob("*.ipynb"),
        *folders,
    }
    for path in re.findall(r"`[^`]*?(examples/[\w./-]+)[^`]*`", page):
        assert (EXAMPLES.parent / path).exists(), path


def test_the_loop_by_hand_has_the_engines_losses():
    by_hand = runpy.run_path(str(EXAMPLES / "train_by_hand.py"))
    settings = {"networks": {"width": 2}, "code_dim": 4, "batch_size": 8, "average": 0}
    config = resolve_config(recipe("learned", **by_hand["SETTINGS"], **settings), installed_plugins())
    session = Session(config, installed_plugins(), load_data(config, installed_plugins()))
    for losses, _ in by_hand["train"](config, 5):
        session.step()
        assert losses == pytest.approx(session.engine.losses(reset=True), rel=1e-5)


def test_the_loop_by_hand_draws(run_script, tmp_path):
    assert "step 2: autoencoder/critic_real" in run_script("train_by_hand.py", 2, tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").stat().st_size > 0


PAPER = {file.stem: validate_settings(read_toml(file)) for file in (EXAMPLES / "paper").glob("*.toml")}


def test_the_papers_systems_have_the_sizes_of_its_tables():
    residual = [config for config in PAPER.values() if config.networks.name == "residual"]
    assert len(residual) == len(PAPER) - 4
    sizes = {"width": 64, "norm": "none", "upsampling": "transposed"}
    assert all(sizes.items() <= config.networks.options.items() for config in residual)
    sizes = {name: config.code_dim for name, config in PAPER.items()}
    assert (sizes["figure8-mnist-aae"], sizes["figure9-mnist-aae"], sizes["figure9-cifar10-learned"]) == (8, 100, 2000)
    assert PAPER["figure10-learned"].prior.options["noise_dim"] == 54
    assert PAPER["figure12-learned"].prior.options["noise_dim"] == 90


def test_every_study_of_the_paper_has_its_examples():
    for study in PAPER_STUDIES:
        for system in study.systems:
            if system.recipe == "text-to-image-flow":
                continue  # not a system of the paper
            recipe = installed_plugins().recipe(system.recipe).settings
            wanted = validate_settings(merge_settings(recipe, system.settings))
            assert any(
                (config.prior.name, config.encoder.name, config.loss.name, config.condition.name)
                == (wanted.prior.name, wanted.encoder.name, wanted.loss.name, wanted.condition.name)
                and config.adversarial_loss.name == wanted.adversarial_loss.name
                and config.decoder_in_both_phases == wanted.decoder_in_both_phases
                for config in PAPER.values()
            ), f"{study.name}: {system.name}"
