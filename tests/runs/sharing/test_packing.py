import json
import stat
import struct
import zipfile

import pytest
import torch

from priorkit.errors import RunFolderError
from priorkit.runs import RunFolder, describe_run, load_run, prepare_resumed, read_metrics, unpack
from priorkit.runs.sharing import packed_files, shared_files


@pytest.fixture
def packed(trained, tmp_path):
    return trained.pack(tmp_path / "run.priorkit.zip")


def entries(file):
    with zipfile.ZipFile(file) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


@pytest.fixture
def changed(packed, tmp_path):
    """Makes a pack with other entries: contents by name, or by a whole `ZipInfo`; None takes one away."""

    def make(changes, compression=zipfile.ZIP_STORED):
        contents = {**entries(packed), **changes}
        with zipfile.ZipFile(tmp_path / "changed.zip", "w", compression) as archive:
            for name, content in contents.items():
                if content is not None:
                    archive.writestr(name, content)
        return tmp_path / "changed.zip"

    return make


def refused(file, out):
    with pytest.raises(RunFolderError) as error:
        unpack(file, out)
    text = str(error.value)
    assert "\n" not in text
    assert ".draft" not in text
    assert not out.exists()
    assert not list(out.parent.glob(".*"))
    return text


def test_an_unpacked_run_draws_the_same_images(packed, trained, registry, tmp_path):
    path = unpack(packed, tmp_path / "unpacked")
    run = load_run(path, device="cpu", registry=registry)
    assert torch.equal(run.sample(5), trained.sample(5))
    assert {entry.name for entry in path.rglob("*")}.isdisjoint({"state.pt"})
    assert (path / "report.html").is_file()
    assert [entry.name for entry in sorted((path / "samples").iterdir())] == [
        "reconstructions-00000006.png",
        "samples-00000006.png",
    ]


def test_the_same_run_gives_the_same_bytes(packed, trained, tmp_path):
    assert trained.pack(tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_a_resumable_pack_goes_on_as_the_run_would(trained, folder, registry, tmp_path, assert_same):
    path = unpack(trained.pack(tmp_path / "run.zip", resumable=True), tmp_path / "unpacked")
    for resumed in (path, folder.path):
        prepare_resumed(resumed, {"steps": 8}, registry=registry).run()
    assert_same(path, folder.path)


def test_what_is_not_resumable_says_so(packed, registry, tmp_path):
    path = unpack(packed, tmp_path / "unpacked")
    with pytest.raises(RunFolderError, match="packed without --resumable"):
        prepare_resumed(path, {"steps": 8}, registry=registry)


def test_an_earlier_checkpoint_brings_nothing_of_later(folder, registry, tmp_path):
    pointer = json.dumps({"checkpoint": folder.checkpoints.path("last").name, "earlier": ["step-00000004"]})
    earlier = folder.checkpoints.folder / "step-00000004"
    assert earlier.is_dir()
    (folder.checkpoints.folder / "last.json").write_text(pointer)
    (folder.checkpoints.folder / "best.json").write_text('{"checkpoint": "step-00000004"}')
    run = load_run(folder.path, checkpoint="best", device="cpu", registry=registry)
    path = unpack(run.pack(tmp_path / "run.zip"), tmp_path / "unpacked")
    assert max(row["step"] for row in read_metrics(RunFolder.open(path))) == 4
    assert [entry.name for entry in path.glob("samples/samples-*")] == ["samples-00000003.png"]
    assert torch.equal(load_run(path, device="cpu", registry=registry).sample(2), run.sample(2))


def test_nothing_is_overwritten(packed, trained, tmp_path):
    before = packed.read_bytes()
    with pytest.raises(RunFolderError, match="already exists"):
        trained.pack(packed)
    assert packed.read_bytes() == before
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunFolderError, match="already exists and is left as it is"):
        unpack(packed, tmp_path / "empty")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match="already exists"):
        unpack(packed, tmp_path / "link")


@pytest.mark.parametrize(
    "name",
    [
        *("../escape", "/tmp/escape", "samples/../../escape", "checkpoints/../../escape/weights.safetensors"),
        *("plugin.py", "state.pt", "samples/samples-00000001.exe", "C:\\escape", "..\\escape", "config.toml\0.py"),
        *("checkpoints/step-00000001/evil.pkl", "CONFIG.TOML"),
    ],
)
def test_names_that_no_run_has_are_refused(changed, tmp_path, name):
    entry = zipfile.ZipInfo("x")
    # As it stands, without what zipfile makes of it.
    entry.filename = entry.orig_filename = name
    file = changed({entry: b"x"})
    assert "no file of a run has this name" in refused(file, tmp_path / "out/run")
    assert not (tmp_path / "escape").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFDIR])
def test_links_and_devices_are_refused(changed, tmp_path, kind):
    entry = zipfile.ZipInfo("metrics.jsonl")
    entry.external_attr = (kind | 0o777) << 16
    file = changed({"metrics.jsonl": None, entry: b"/etc/passwd"})
    assert "link or a device" in refused(file, tmp_path / "out/run")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(changed, tmp_path):
    assert "twice" in refused(changed({zipfile.ZipInfo("config.toml"): b"x = 1"}), tmp_path / "out/run")


def test_a_bomb_is_refused_by_what_it_says(changed, tmp_path, monkeypatch):
    file = changed({"metrics.jsonl": bytes(2**24)}, zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 2**20
    monkeypatch.setattr(shared_files, "_MOST_OF_TEXT", 2**20)
    assert "metrics.jsonl has 16,777,216 bytes" in refused(file, tmp_path / "out/run")
    monkeypatch.undo()
    monkeypatch.setattr(shared_files, "free_memory", lambda: 2**17)
    assert "can be read here" in refused(file, tmp_path / "out/run")


@pytest.mark.parametrize(
    "name", ["config.toml", "environment.json", "scores.json", "checkpoints/last.json", "checkpoints/best.json"]
)
def test_a_small_archive_takes_no_gigabytes_of_memory(changed, registry, tmp_path, name):
    file = changed({name: b" " * 2**24}, zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 2**20
    message = f"{name} has 16,777,216 bytes, but at most 8,388,608"
    assert message in refused(file, tmp_path / "out/run")
    with pytest.raises(RunFolderError, match=message):
        describe_run(file, registry=registry)


def test_a_description_fits_into_the_folder_for_temporary_files(packed, registry, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100}))
    with pytest.raises(RunFolderError, match="100 are free on the disk; free some space, or set TMPDIR"):
        describe_run(packed, registry=registry)


def test_the_report_is_written_here(changed, tmp_path):
    path = unpack(changed({"report.html": b"<script>alert(1)</script>"}), tmp_path / "theirs")
    text = (path / "report.html").read_text()
    assert "alert" not in text
    assert "<title>theirs</title>" in text
    assert "data:image/png;base64," in text


def test_measurements_that_count_to_infinity_are_left_out(changed, tmp_path):
    rows = b'{"step": Infinity, "images": 1, "seconds": 1}\n{"step": 7, "images": 1, "seconds": 1, "loss/a": 2.0}\n'
    path = unpack(changed({"metrics.jsonl": rows}), tmp_path / "theirs")
    assert 'name="priorkit-step" content="7"' in (path / "report.html").read_text()


def test_a_bomb_that_lies_gives_no_more_than_it_says(changed, tmp_path):
    file = changed({"metrics.jsonl": bytes(2**22)}, zipfile.ZIP_DEFLATED)
    content, (true, false) = file.read_bytes(), (struct.pack("<I", 2**22), struct.pack("<I", 100))
    assert content.count(true) == 2
    file.write_bytes(content.replace(true, false))
    assert "cannot read the packed run" in refused(file, tmp_path / "out/run")


def test_a_run_that_the_disk_has_no_room_for_is_refused(packed, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    assert "1,000 are free on the disk" in refused(packed, tmp_path / "out/run")


def test_too_many_files_are_refused(changed, tmp_path):
    file = changed({f"samples/samples-{number:08d}.png": b"" for number in range(100)})
    assert "at most 64" in refused(file, tmp_path / "out/run")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_file_is_refused(packed, tmp_path, share):
    content = packed.read_bytes()
    packed.write_bytes(content[: int(len(content) * share)])
    assert "damaged or incomplete" in refused(packed, tmp_path / "out/run")


def test_a_changed_byte_is_noticed(packed, tmp_path):
    content = bytearray(packed.read_bytes())
    content[content.index(b"decoder") + 1000] ^= 1
    packed.write_bytes(content)
    refused(packed, tmp_path / "out/run")


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"MZ" * 100)
    assert "File is not a zip file" in refused(tmp_path / "x.zip", tmp_path / "out/run")
    assert "No such file" in refused(tmp_path / "y.zip", tmp_path / "out/run")
    with zipfile.ZipFile(tmp_path / "z.zip", "w"):
        pass
    assert "is not a run: it has no config.toml" in refused(tmp_path / "z.zip", tmp_path / "out/run")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.toml", b"steps = 'x'", "config.toml"),
        ("environment.json", b"[" * 10_000, "environment.json"),
        ("environment.json", None, "it has no environment.json"),
        ("checkpoints/last.json", b'{"checkpoint": "../../x"}', "last.json"),
        ("checkpoints/last.json", b'{"checkpoint": "step-00000099"}', "step-00000099"),
        ("checkpoints/step-00000006/weights.safetensors", b"x", "its checksum differs"),
        ("checkpoints/step-00000006/weights.safetensors", None, "it has no checkpoints/step-"),
    ],
)
def test_a_run_that_cannot_be_read_does_not_appear(changed, tmp_path, name, content, message):
    assert message in refused(changed({name: content}), tmp_path / "out/run")


def test_folders_in_an_archive_are_made(changed, registry, tmp_path):
    path = unpack(changed({"samples/": b"", "checkpoints/step-00000006/": b""}), tmp_path / "unpacked")
    assert load_run(path, device="cpu", registry=registry).checkpoint == "step-00000006"


def test_a_packed_run_is_not_loaded_as_it_is(packed, registry):
    with pytest.raises(RunFolderError, match="is a packed run: unpack it first with priorkit unpack"):
        load_run(packed, registry=registry)


def test_a_packed_run_is_described_where_it_lies(packed, trained, registry):
    found, folder = describe_run(packed, registry=registry), describe_run(trained.path, registry=registry)
    different = ("source", "bytes", "resumable")
    assert found.source == str(packed)
    assert (found.resumable, folder.resumable) == (False, True)
    assert {k: v for k, v in found.as_data().items() if k not in different} == {
        k: v for k, v in folder.as_data().items() if k not in different
    }
    assert (found.prior, found.dataset, found.image_shape, found.steps) == ("learned", "tiny", (1, 16, 16), 6)
    assert found.weight_bytes == (trained.path / "checkpoints/step-00000006/weights.safetensors").stat().st_size


def test_large_files_are_read_in_blocks(packed, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(packed_files, "_BLOCK", 1000)
    assert trained.pack(tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    path = unpack(packed, tmp_path / "unpacked")
    name = "checkpoints/step-00000006/weights.safetensors"
    assert (path / name).read_bytes() == (trained.path / name).read_bytes()
