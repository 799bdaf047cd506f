import pytest

from priorkit.errors import RunFolderError
from priorkit.studies.documents import markdown_table, write_document


def test_cells_hold_any_text():
    table = markdown_table(["run", "score"], [["a|b", "two\nlines"]])
    assert table == "| run | score |\n| --- | --- |\n| a\\|b | two lines |\n"


def test_files_appear_whole_or_not_at_all(tmp_path):
    write_document(tmp_path / "a", "text")
    with pytest.raises(RunFolderError, match="cannot write"):
        write_document(tmp_path / "a" / "b", "text")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
