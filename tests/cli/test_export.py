import json

import pytest


def test_a_part_is_what_the_file_is_called(cli, trained, tmp_path):
    result = cli("export", trained, "--out", "encoder.onnx")
    assert result.status == 0, result.err
    first, second, last = result.out.splitlines()
    assert first.split()[:2] == ["in", "images"]
    assert second.startswith("out  codes float32 (N, 4)")
    assert last.startswith("encoder in encoder.onnx; differs from torch by at most ")
    assert (tmp_path / "encoder.onnx").is_file()


def test_programs_are_told_in_json(cli, trained):
    result = cli("export", trained, "--part", "prior", "--out", "p.pt2", "--checkpoint", "best", "--json")
    assert result.status == 0, result.err
    told = json.loads(result.out)
    assert (told["out"], told["part"]) == ("p.pt2", "prior")
    assert told["largest_difference"] < 1e-6
    assert told["inputs"][0]["distribution"][0]["distribution"] == "normal"


def test_the_part_names_the_file(cli, trained, tmp_path):
    assert cli("export", trained, "--part", "prior", "--quiet") == (0, "prior.onnx\n", "")
    assert (tmp_path / "prior.onnx").is_file()
    again = cli("export", trained, "--part", "prior")
    assert again.status == 2
    assert "already exists and is left as it is" in again.err
    assert cli("export", trained, "--part", "prior", "--overwrite").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no run 'nowhere'"),
        (["trained", "--out", "x.onnx"], "decoder, encoder, prior or sampler"),
        (["trained", "--part", "critic"], "no part 'critic'"),
        (["trained", "--out", "decoder.h5"], "must end in .onnx or .pt2"),
        (["trained", "--out", "none/decoder.onnx"], "the folder 'none' does not exist"),
        (["trained", "--codes", "mine"], "invalid choice: 'mine'"),
        (["trained", "--out", "encoder.onnx", "--noise"], "this run's encoder draws nothing"),
        (["trained", "--sed", "1"], "unknown option --sed"),
        (["trained", "--out"], "--out needs a value"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(cli, trained, tmp_path, arguments, message):
    before = sorted(tmp_path.rglob("*"))
    result = cli("export", *arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
