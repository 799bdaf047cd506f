import dataclasses

import pytest

from priorkit.errors import RunFolderError
from priorkit.studies.study_file import STUDY_FILE, check_study, open_study


@pytest.fixture
def begun(make_request):
    """A study of which something has been trained."""
    request = make_request()
    open_study(request)
    (request.out / "aae-seed0").mkdir()
    return request


def test_the_same_study_goes_on_also_elsewhere_and_with_more_seeds(begun, make_request):
    check_study(begun)
    check_study(make_request({"device": "cuda", "extractor": "inception", "workers": "2"}, seeds=5, samples=7))


@pytest.mark.parametrize(
    ("common", "changes", "message"),
    [
        ({"batch_size": 8}, {}, r"started with --batch-size 6, but this command has --batch-size 8"),
        ({"learning_rate": "1e-3"}, {}, r"started with no --learning-rate, but this command has --learning-rate 1e-3"),
        ({}, {"limit": {"steps": 4}}, r"started with --steps 3, but this command has --steps 4"),
        (
            {},
            {"limit": {"max_time": 90.0}},
            r"no --budget, but this command has --budget 1m 30s|--steps 3, but this command has no --steps",
        ),
    ],
)
def test_other_settings_are_refused(begun, make_request, common, changes, message):
    with pytest.raises(RunFolderError, match=message):
        check_study(make_request(common, **changes))


def test_another_study_is_refused(begun, study):
    other = dataclasses.replace(begun, study=dataclasses.replace(study, name="other"))
    with pytest.raises(RunFolderError, match="holds the study small, not other"):
        check_study(other)


def test_nothing_trained_nothing_refused(make_request):
    open_study(make_request())
    check_study(make_request({"batch_size": 8}))


def test_what_is_no_study_is_left_alone(make_request):
    request = make_request()
    request.out.mkdir()
    (request.out / "letter.txt").write_text("dear")
    with pytest.raises(RunFolderError, match="is not a study, and is left as it is"):
        check_study(request)
    (request.out / STUDY_FILE).write_text("[]")
    with pytest.raises(RunFolderError, match=r"study.json' is damaged"):
        check_study(request)
