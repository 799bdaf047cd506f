import json

import pytest

from priorkit.errors import RunFolderError
from priorkit.runs import prepare
from priorkit.studies import summarise_run


@pytest.fixture
def path(tiny_config, registry, tmp_path):
    prepare(tiny_config(steps=3, log_every=1), tmp_path / "run", registry=registry).run()
    return tmp_path / "run"


def test_a_run_in_a_few_values(path):
    found = summarise_run(path)
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert (found.state, found.steps, found.images, found.seconds) == ("complete", 3, 18, rows[-1]["seconds"])
    assert (found.dataset, found.prior, found.loss) == ("tiny", "learned", "perceptual")
    assert found.held_out == {
        name: rows[-1][f"held_out/{name}"] for name in ("sample_distance", "reconstruction_error")
    }


def test_the_newest_score_of_a_label_counts(path):
    def evaluation(value, checkpoint="step-00000003", note=""):
        score = {"name": "inception-score", "label": "IS", "value": value, "extractor": None, "note": note}
        return {"checkpoint": checkpoint, "settings": {"samples": 9}, "scores": [score]}

    last = evaluation(None, note="there are no labels")
    evaluations = [evaluation(1.0), evaluation(2.0), evaluation(9.0, "step-00000001"), last]
    (path / "scores.json").write_text(json.dumps({"evaluations": evaluations}))
    found = summarise_run(path)
    assert found.scores["IS"] == 2.0
    assert found.evaluated[0]["settings"] == {"samples": 9}
    assert found.unscored == ("there are no labels",)
    assert "IS" not in summarise_run(path, []).scores
    (path / "scores.json").write_text("[]")
    with pytest.raises(RunFolderError, match="holds no evaluations"):
        summarise_run(path)


def test_a_run_that_diverged_says_so(path):
    (path / "diverged.txt").write_text("at step 3")
    assert summarise_run(path).state == "diverged"
