import shutil

import pytest

from priorkit.errors import ConfigurationError
from priorkit.sweeps.storage import StudyDatabaseError, explained_database_errors, open_study, shown, without_secrets


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ("postgresql://ann:pass@host:5433/db", "postgresql://ann@host:5433/db"),
        ("postgresql://ann:pa/ss@host/db", "postgresql://ann@host/db"),
        ("postgresql://ann:pa/s:s?s#s@host/db?sslmode=require", "postgresql://ann@host/db"),
        ("postgresql://ann@host/db?user=x&password=pass", "postgresql://ann@host/db"),
        ("postgresql://ann:pa@ss/word@host/db", "postgresql://host/db"),
        ("postgresql://ann:pass@host:pa@ss/db", "postgresql://..."),
        ("postgresql+psycopg://host/db", "postgresql+psycopg://host/db"),
        ("mysql://ann:pass@host/db", "mysql://ann@host/db"),
        ("studies/a@b?c.db", "studies/a@b?c.db"),
    ],
)
def test_what_is_shown_of_a_database_has_no_password(make_request, study, expected):
    assert shown(make_request(study=study)) == expected
    assert without_secrets(f"no {study}!", study) == f"no {expected}!"


def test_what_a_database_says_has_no_password(make_request):
    request = make_request(study="postgresql://ann:pa%2Fss@host/db?sslpassword=other")
    with pytest.raises(StudyDatabaseError) as refused, explained_database_errors(request):
        raise RuntimeError("optuna cannot use pa/ss or pa%2Fss with other")
    assert not any(word in str(refused.value) for word in ("pa/ss", "pa%2Fss", "other"))


def test_a_url_that_is_none_is_one_line_without_a_password(make_request):
    with pytest.raises(ConfigurationError, match="this is not a URL of a database") as refused:
        open_study(make_request(study="postgresql://ann:secret@host:port/db"))
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["a?b", "a?mode=memory", "a#b", "a%3Fb", "a{b}c", "ä b"])
def test_the_database_lies_in_the_folder_whatever_its_name(make_request, tmp_path, name):
    out = tmp_path / "led" / name
    out.mkdir(parents=True)
    study = open_study(make_request(out=out))
    assert [entry.name for entry in out.iterdir()] == ["study.db"]
    assert [entry.name for entry in (tmp_path / "led").iterdir()] == [name]
    study.set_user_attr("mark", 1)
    assert open_study(make_request(out=out)).user_attrs["mark"] == 1
    shutil.copy(out / "study.db", tmp_path / "copy.db")
    other = make_request(out=out, study=str(tmp_path / "copy.db"))
    assert open_study(other).user_attrs["mark"] == 1
