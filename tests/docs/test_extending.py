"""The page on extending priorkit: every hook, with an example that works, and a whole plug-in."""

import contextlib
import re
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch

import priorkit.testing
from priorkit.cli import commands, main
from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.evaluation.extractors import build_extractor
from priorkit.interfaces import CodeSpace, ImageShape, Posterior
from priorkit.plugins import KINDS, Component, Recipe, TextEncoderContext
from priorkit.plugins.hooks import Hooks
from priorkit.registry import Registry, installed_plugins, load_plugins
from priorkit.testing import (
    Case,
    Report,
    Situations,
    check_component,
    check_data_source,
    check_prior,
    check_text_encoder,
)
from priorkit.testing.conformance import checks_of, run_check
from priorkit.training import Session

pytestmark = pytest.mark.whole

PAGE = "docs/plugins.md"
BRIEFLY = Situations(examples=2)
HOOKS = [name for name in vars(Hooks) if name.startswith("priorkit_")]
TEXT = (Path(__file__).parents[2] / PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def examples(blocks_of) -> Mapping[str, Any]:
    """What the page's blocks define, run in their order."""
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in blocks_of(PAGE):
        if block.language == "python" and not block.before.startswith("`tests/"):
            exec(block.code, namespace)
    return namespace


@pytest.fixture
def secant_module(examples, monkeypatch) -> None:
    """The module that the example of a prior is imported from, as if the plug-in were installed."""
    module = ModuleType("priorkit_secant.prior")
    module.SecantPrior = examples["SecantPrior"]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "priorkit_secant", ModuleType("priorkit_secant"))
    monkeypatch.setitem(sys.modules, "priorkit_secant.prior", module)


@pytest.fixture
def train_two_steps(make_registry, tiny_config) -> Callable[..., Session]:
    """Trains with an example's component for two steps."""

    def train(
        slot: str, component: Component[Any], recipe: str = "learned", *, before: str = "", **changes: Any
    ) -> Session:
        from priorkit.data import load_data

        registry = make_registry([(slot, component)])
        config = tiny_config(recipe, registry, **{slot: before + component.name}, **changes)
        session = Session(config, registry, load_data(config, registry))
        for _ in range(2):
            session.step()
        session.check_finite()
        return session

    return train


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented(hook):
    section = re.search(rf"^### {hook}$(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert section is not None
    words = (Hooks.__dict__[hook].__doc__ or "").replace("`", " ").split()
    context = next((word.rstrip(")") for word in words if "Context" in word), "Recipe")
    assert context in section[1]
    assert f"| [`{hook}`](#{hook}) |" in TEXT


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slot)
def test_a_kinds_names_are_in_the_table(kind):
    (row,) = re.findall(rf"^\| \[`{kind.hook}`\].*$", TEXT, re.MULTILINE)
    flag, slot, check = row.strip(" |").split(" | ")[-3:]
    assert (flag, slot) == (f"`--{kind.slot.replace('_', '-')}`", f"`{kind.slot}`")
    with pytest.raises(UnknownComponentError, match=f"^unknown {kind.title} 'no-such'"):
        getattr(priorkit.testing, check.strip("`"))("no-such")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_test_that_names_it(hook):
    """Here, in a test of its own: `test_priorkit_priors` and so on."""
    assert callable(globals()[f"test_{hook}"])


@pytest.mark.usefixtures("secant_module")
def test_priorkit_priors(examples, train_two_steps):
    (component,) = examples["priorkit_priors"]()
    session = train_two_steps("prior", component, "vae")
    assert isinstance(session.system.prior, examples["SecantPrior"])


def test_priorkit_code_generators(examples, train_two_steps):
    (component,) = examples["priorkit_code_generators"]()
    before = examples["LinearGenerator"](3, 4)
    assert before(torch.zeros(5, 3)).shape == (5, 4)
    train_two_steps("code_generator", component)


def test_priorkit_conditions(examples, train_two_steps):
    (component,) = examples["priorkit_conditions"]()
    drawn = examples["Coin"]().draw(8, generator=torch.Generator().manual_seed(0))
    assert drawn.sum(1).tolist() == [1] * 8
    session = train_two_steps("condition", component)
    assert session.system.recogniser is not None


def test_priorkit_text_encoders(examples, train_two_steps):
    (component,) = examples["priorkit_text_encoders"]()
    encoder = component.build(component.options(dim=3), TextEncoderContext(("a", "red", "bird")))
    assert encoder(encoder.tokens(["A red bird", ""])).shape == (2, 3)
    assert encoder.unknown("a blue bird") == ("blue",)
    assert not check_text_encoder(component, situations=Situations(examples=2)).failed
    train_two_steps("text_encoder", component)


def test_priorkit_encoders(examples, train_two_steps):
    (component,) = examples["priorkit_encoders"]()
    session = train_two_steps("encoder", component)
    codes = session.model.encode(torch.rand(3, 1, 16, 16) * 2 - 1)
    assert codes.abs().max() <= 1


def test_a_component_brings_a_phase(examples, train_two_steps, make_component):
    component = make_component("consistent", examples["build_consistent"])
    session = train_two_steps("encoder", component, "aae")
    assert "code_consistency/distance" in session.engine.losses(reset=False)
    required = ("phases_keep_their_contract", "phases_train_their_players")
    assert not check_component(Case("encoder", component, required=required, situations=BRIEFLY)).failed


def test_priorkit_phases(examples, train_two_steps):
    (component,) = examples["priorkit_phases"]()
    session = train_two_steps("phases", component, "aae", before="autoencoder,")
    assert "code_decay/size" in session.engine.losses(reset=False)


def test_priorkit_regularizers(examples, train_two_steps):
    (component,) = examples["priorkit_regularizers"]()
    session = train_two_steps("regularizer", component, "aae")
    assert not session.system.regularizer.has_critic


def test_priorkit_losses(examples, train_two_steps):
    (component,) = examples["priorkit_losses"]()
    loss = examples["Charbonnier"]()
    assert loss(torch.ones(2, 1, 4, 4), -torch.ones(2, 1, 4, 4)).item() == pytest.approx(2, abs=1e-4)
    train_two_steps("loss", component, "aae")


def test_priorkit_adversarial_losses(examples, train_two_steps):
    (component,) = examples["priorkit_adversarial_losses"]()
    loss = examples["Smoothed"]()
    # What the critic says of real samples is least where the sigmoid of its logits is 0.9.
    logits = torch.full((1,), 9.0).log()
    assert loss.real(logits) < loss.real(logits + 0.1)
    assert loss.real(logits) < loss.real(logits - 0.1)
    train_two_steps("adversarial_loss", component)


def test_priorkit_networks(examples, train_two_steps):
    (component,) = examples["priorkit_networks"]()
    train_two_steps("networks", component)


def test_priorkit_datasets(examples, train_two_steps):
    (component,) = examples["priorkit_datasets"]()
    data = examples["Stripes"](0, 0.1, 0).load()
    assert (len(data.train), len(data.test)) == (198, 22)
    for images, label in zip(data.train.take(torch.arange(20)), data.train.labels, strict=False):
        # Along a stripe nothing changes.
        assert bool((images.float().std(dim=1 if label == 0 else 2) == 0).all())
    train_two_steps("dataset", component, "aae")


def test_priorkit_extractors(examples, make_registry):
    (component,) = examples["priorkit_extractors"]()
    registry = make_registry([("extractor", component)])
    config = RunConfig(extractor="thumbnails")
    extractor = build_extractor(config, registry, ImageShape(1, 16), torch.device("cpu"))
    found = extractor.extract(torch.zeros(3, 1, 16, 16, dtype=torch.uint8))
    assert found.features.shape == (3, 16)


def test_priorkit_recipes(examples, registry):
    (recipe,) = examples["priorkit_recipes"]()
    assert isinstance(recipe, Recipe)
    assert recipe.settings.keys() <= RunConfig.model_fields.keys()


def test_there_is_an_example_of_every_kind(examples):
    for kind in KINDS:
        for component in examples[kind.hook]():
            assert isinstance(component, Component)


@pytest.mark.usefixtures("secant_module")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slot)
def test_an_example_keeps_its_contract(kind, examples):
    (component,) = examples[kind.hook]()
    case = Case(kind.slot, lambda context: component.build(component.options(), context), situations=BRIEFLY)
    # Costly ones, which compile it, find little in components as small as these.
    results = [run_check(case, check) for check in checks_of(case) if not check.costly]
    Report(case.title, tuple(results)).raise_if_failed()


def test_a_prior_without_an_inverse_distribution_function_keeps_its_contract(examples):
    prior = examples["StudentTPrior"]
    check_prior(lambda context: prior(context.code_dim, degrees=5), situations=BRIEFLY).raise_if_failed()
    found = examples["StudentTPrior"](1, degrees=5).sample(20_000, generator=torch.Generator().manual_seed(0))
    assert scipy.stats.kstest(found.flatten().double().numpy(), scipy.stats.t(5).cdf).pvalue > 1e-6


def test_stored_images_keep_their_contract(examples, tmp_path, monkeypatch):
    # Other processes would import it from the plug-in.
    page = ModuleType("page")
    vars(page).update(examples)
    monkeypatch.setitem(sys.modules, "page", page)
    pixels = np.random.default_rng(0).integers(256, size=(140, 1, 64, 64), dtype=np.uint8)
    pixels.tofile(tmp_path / "images.raw")
    report = check_data_source(
        lambda context: examples["RawSource"](context.data_dir / "images.raw", context.memory),
        situations=Situations(data_dir=tmp_path),
    )
    report.raise_if_failed()
    assert "missing_data_is_named" in {result.check for result in report.passed}


def test_one_code_alone_is_refused(examples):
    code = torch.zeros(1, 2)
    with pytest.raises(ConfigurationError, match="--batch-size 2"):
        examples["Moments"]().encoder_terms(Posterior(code, mean=code), None, code)


@pytest.fixture
def plugin(blocks_of, tmp_path, monkeypatch) -> Path:
    """The page's plug-in, written into files, and found beside those that are installed."""
    for block in blocks_of(PAGE):
        if named := re.match(r"`([\w/.-]+\.(?:py|toml))`", block.before):
            file = tmp_path / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.code)
    monkeypatch.syspath_prepend(tmp_path)
    entry_point = EntryPoint("secant", "priorkit_secant", "priorkit")
    loaded, failed = load_plugins([entry_point], {})
    assert not failed
    registry = Registry([*installed_plugins().plugins, *loaded])
    monkeypatch.setattr(commands, "installed_plugins", lambda: registry)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("priorkit_secant")]:
        del sys.modules[name]


def test_the_plugin_works(plugin, capsys):
    assert main(["components", "secant"]) == 0
    assert "--prior.scale  float > 0, default 1.0: scale of every dimension" in capsys.readouterr().out
    tiny = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --device cpu --steps 2 --quiet --out run"
    assert main(["train", "vae", "--prior", "secant", "--prior.scale", "0.7", *tiny.split()]) == 0
    assert main(["sample", "run", "-n", "4", "--device", "cpu"]) == 0
    assert (plugin / "samples.png").exists()


@pytest.mark.whole
def test_the_plugins_own_tests_pass(plugin, monkeypatch):
    monkeypatch.setattr("priorkit.testing.case.installed_plugins", commands.installed_plugins)
    namespace: dict[str, Any] = {}
    exec((plugin / "tests/test_secant.py").read_text(), namespace)
    test = namespace["test_conforms"]
    (mark,) = test.pytestmark
    assert len(mark.args[1]) > 40
    for check in mark.args[1]:
        if check.check.costly:
            continue
        with contextlib.suppress(pytest.skip.Exception):
            test(check)


def test_the_plugin_imports_no_torch_before_it_builds(plugin):
    assert "priorkit_secant.prior" not in sys.modules


def test_what_new_plugin_says_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "secant", "--kind", "prior"]) == 0
    assert f"```text\n{capsys.readouterr().out}```" in TEXT


_DENSITIES = ("samples_follow_the_density", "densities_hold_in_many_dimensions")


def test_the_failure_that_is_shown_is_the_kits(examples):
    class Wide(examples["SecantPrior"]):
        def forward(self, noise, condition=None):
            return 2 * super().forward(noise)

    report = check_prior(lambda context: Wide(context.code_dim, 0.5), situations=BRIEFLY)
    assert {result.check for result in report.failed} == {*_DENSITIES}
    failed = next(result for result in report.failed if result.check == _DENSITIES[0])
    said = "\n".join(f"  {line}" for line in str(failed).splitlines())
    # What was measured differs a little from machine to machine.
    (shown,) = re.findall(r"^```text\n(  samples_follow.*?)\n```$", TEXT, re.MULTILINE | re.DOTALL)
    assert re.sub(r"[\d.]+", "1", shown) == re.sub(r"[\d.]+", "1", said)


def test_the_rounding_encoder_and_its_prior_keep_their_contracts(examples: Mapping[str, Any]) -> None:
    maps = Situations(code_dims=(), codes=(CodeSpace((2, 2, 2)),), examples=2)
    encoder = examples["RoundingEncoder"]
    report = check_component(
        Case(
            "encoder",
            lambda context: encoder(context.networks, context.codes),
            required=("indices_are_of_the_codebook",),
            situations=maps,
        )
    )
    report.raise_if_failed()
    indices = Situations(code_dims=(), codes=(CodeSpace((1, 3), 4),), classes=(0,), examples=2)
    prior = examples["FrequencyPrior"]
    required = ("learns_the_indices", "probabilities_are_those_of_the_samples")
    case = Case("prior", lambda context: prior(context.codes), required=required, situations=indices)
    check_component(case).raise_if_failed()


def test_the_flat_maps_keep_their_contract(examples: Mapping[str, Any]) -> None:
    networks = examples["FlatMapNetworks"]
    case = Case(
        "networks",
        lambda context: networks(context.shape),
        required=("maps_go_both_ways",),
        situations=Situations(shapes=(ImageShape(1, 16),), examples=2),
    )
    check_component(case).raise_if_failed()
