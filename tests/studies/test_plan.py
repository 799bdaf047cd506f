import dataclasses

import pytest

from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.studies import ComparedSystem, Study, plan_runs


def test_every_system_with_the_first_seed_then_with_the_next(make_request, registry):
    request = make_request(seeds=2)
    runs = plan_runs(request, registry)
    assert [(run.system.name, run.seed, run.path.name) for run in runs] == [
        ("aae", 0, "aae-seed0"),
        ("ab", 0, "ab-seed0"),
        ("aae", 1, "aae-seed1"),
        ("ab", 1, "ab-seed1"),
    ]
    assert all(run.config.seed == run.seed and run.config.steps == 3 for run in runs)
    assert [run.system.name for run in plan_runs(make_request(systems=("ab",)), registry)] == ["ab"]


def test_common_settings_lie_over_recipes_and_below_what_sets_systems_apart(make_request, registry):
    request = make_request({"learning_rate": "1e-3", "code_dim": "6", "networks.hidden": "5", "clip_norm": "none"})
    aae, ab = (run.config for run in plan_runs(request, registry))
    for config in (aae, ab):
        assert (config.learning_rate, config.code_dim, config.clip_norm) == (1e-3, 6, None)
        assert config.networks.options["hidden"] == 5
    assert (aae.prior.name, aae.loss.name) == ("gaussian", "pixel")
    assert (ab.prior.name, ab.loss.name, ab.decoder_in_both_phases) == ("learned", "perceptual", False)


def test_an_option_goes_to_the_systems_whose_component_has_it(make_request, registry):
    aae, ab = plan_runs(make_request({"prior.noise_dim": "3"}), registry)
    assert ab.config.prior.options["noise_dim"] == 3
    assert "noise_dim" not in aae.config.prior.options


def test_an_option_that_no_system_has_is_refused(make_request, registry):
    with pytest.raises(ConfigurationError, match=r"--networks.width: no system of small has a component"):
        plan_runs(make_request({"networks.width": "3"}), registry)


@pytest.mark.parametrize(
    ("common", "message"),
    [
        ({"prior": "learned"}, "--prior is what small compares"),
        ({"decoder_in_both_phases": "true"}, "--decoder-in-both-phases is what small compares"),
        ({"seed": "3"}, "small takes --steps or --budget, and --seeds; leave out --seed"),
        ({"max_time": "3m"}, "leave out --max-time"),
        ({"bach_size": "3"}, "no setting 'bach_size'"),
        ({"batch_size": "one"}, '--batch-size: .* given "one"'),
    ],
)
def test_what_a_study_sets_itself_is_refused(make_request, registry, common, message):
    with pytest.raises(ConfigurationError, match=message):
        plan_runs(make_request(common), registry)


def test_a_study_without_seeds_is_refused(make_request, registry):
    with pytest.raises(ConfigurationError, match="--seeds must be at least 1, not 0"):
        plan_runs(make_request(seeds=0), registry)


def test_a_recipe_that_is_not_there_is_named_with_what_to_do(make_request, registry, study):
    system = ComparedSystem("vampprior", "VampPrior", "no-such-recipe")
    request = make_request(study=dataclasses.replace(study, systems=(*study.systems, system)))
    with pytest.raises(UnknownComponentError, match=r"small trains VampPrior by .* 'no-such-recipe'.*--systems"):
        plan_runs(request, registry)
    request = dataclasses.replace(request, systems=("aae", "ab"))
    assert len(plan_runs(request, registry)) == 2


def test_the_code_size_depends_on_the_data_where_the_paper_says_so(make_request, registry):
    sizes = Study("sizes", "", ("mnist",), (ComparedSystem("aae", "AAE", "aae"),), code_dims={"mnist": 8, "tiny": 7})
    assert plan_runs(make_request(study=sizes), registry)[0].config.code_dim == 7
    assert plan_runs(make_request({"code_dim": "5"}, study=sizes), registry)[0].config.code_dim == 5
    with pytest.raises(ConfigurationError, match=r"\(8 for mnist, 7 for tiny\), but none for 'digits'.*--code-dim"):
        plan_runs(make_request({"dataset": "digits", "networks": "mlp"}, study=sizes), registry)


def test_budgets_in_words(make_request):
    assert make_request().budget == "3 steps"
    assert make_request(limit={"max_time": 90.0}).budget == "1m 30s of training"
