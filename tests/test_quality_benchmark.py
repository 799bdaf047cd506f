"""The benchmark `quality`: its judge network, its arithmetic, and that it runs."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import priorkit
from priorkit.interfaces import ImageData, ImageSet

FOLDER = Path(__file__).parent / "benchmarks"


def stripes(count: int, channels: int, seed: int) -> ImageSet:
    """Two classes, 16x16 pixels: horizontal and vertical stripes, in noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (count,), generator=generator)
    wave = 200 * (torch.arange(16) % 4 < 2).float()
    images = torch.where(labels[:, None, None] == 0, wave[None, :, None], wave[None, None, :])
    noise = 50 * torch.rand(count, channels, 16, 16, generator=generator)
    return ImageSet((images[:, None] + noise).to(torch.uint8), labels)


@pytest.fixture(scope="module")
def data() -> ImageData:
    return ImageData(stripes(256, 1, 0), stripes(200, 1, 1), class_names=("across", "down"))


def test_the_judge_prefers_real_images(
    benchmark_module: Callable[[str], ModuleType], data: ImageData, tmp_path: Path
) -> None:
    judge = benchmark_module("judge").find_judge(data, tmp_path, epochs=8, device="cpu")
    assert judge.accuracy > 0.95
    real = judge.judge_training_images(200)
    assert 1.8 < real.score <= 2
    one_class = data.train.images[data.train.labels == 0]
    assert judge.judge(one_class).distance > 5 * real.distance
    assert judge.judge(one_class).score < 1.1
    # Equal sets have equal moments.
    assert judge.judge(data.test.images).distance == pytest.approx(0, abs=1e-4)


def test_a_judge_is_trained_once(
    benchmark_module: Callable[[str], ModuleType], data: ImageData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find = benchmark_module("judge").find_judge
    first = find(data, tmp_path, epochs=1, device="cpu").judge(data.train.images)
    assert "epoch 1 of 1" in capsys.readouterr().err
    state = torch.get_rng_state()
    assert find(data, tmp_path, epochs=1, device="cpu").judge(data.train.images) == first
    assert capsys.readouterr().err == ""
    other = ImageData(data.train, stripes(100, 1, 2), class_names=data.class_names)
    find(other, tmp_path, epochs=1, device="cpu")
    assert "epoch" in capsys.readouterr().err
    assert torch.equal(torch.get_rng_state(), state)


def test_changed_images_are_shifted_and_mirrored_ones(benchmark_module: Callable[[str], ModuleType]) -> None:
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    changed = benchmark_module("judge")._augmented(image.repeat(40, 1, 1, 1), torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(image, (4, 4, 4, 4), mode="reflect")
    flipped = torch.nn.functional.pad(image.flip(3), (4, 4, 4, 4), mode="reflect")
    possible = [
        source[0, :, top : top + 16, left : left + 16]
        for source in (padded, flipped)
        for top in range(9)
        for left in range(9)
    ]
    assert all(any(torch.equal(item, other) for other in possible) for item in changed)
    assert len({item.numpy().tobytes() for item in changed}) > 20


@given(st.floats(0.1, 10_000))
def test_a_ladder_ends_with_the_whole_time(benchmark_module: Callable[[str], ModuleType], seconds: float) -> None:
    times = benchmark_module("quality_points").ladder(seconds)
    assert times[-1] == seconds
    assert all(0 < earlier < later for earlier, later in pairwise(times))


def test_the_usual_ladder(benchmark_module: Callable[[str], ModuleType]) -> None:
    assert benchmark_module("quality_points").ladder(600) == (10, 20, 40, 80, 160, 320, 600)


@given(st.floats(0.1, 3), st.floats(1, 1e4), st.floats(1, 600))
def test_a_power_law_is_passed_where_it_says(
    benchmark_module: Callable[[str], ModuleType], exponent: float, start: float, when: float
) -> None:
    def law(seconds: float) -> float:
        return float(start * seconds**-exponent)

    curve = [(time, law(time)) for time in (1, 10, 50, 600)]
    assert benchmark_module("quality_points").passing_time(curve, law(when)) == pytest.approx(when, rel=1e-6)


def test_what_is_never_passed_and_what_is_at_once(benchmark_module: Callable[[str], ModuleType]) -> None:
    passing = benchmark_module("quality_points").passing_time
    assert passing([(1, 5.0), (2, 4.0)], 3.0) is None
    assert passing([(7, 5.0), (9, 4.0)], 6.0) == 7


@pytest.mark.whole
def test_runs_are_judged(
    benchmark_module: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    priorkit.train(priorkit.RunConfig(steps=2, device="cpu", batch_size=16), tmp_path / "learned")
    arguments = ["--samples", "64", "--judge-epochs", "1", "--cache", str(tmp_path / "cache"), "--device", "cpu"]
    assert benchmark_module("judging").main([str(tmp_path / "learned"), *arguments, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)["judge"]
    (_, *real), (name, *made) = table["rows"]
    assert name.startswith("learned (step-00000002")
    assert made[1] > real[1]
    assert made[2] > 0


class _EnoughError(Exception):
    pass


@pytest.mark.whole
def test_a_recipe_goes_on_between_its_points(benchmark_module: Callable[[str], ModuleType]) -> None:
    points = benchmark_module("quality_points")
    told: list[tuple[float, int]] = []

    def report(point: object) -> None:
        assert isinstance(point, points.Point)
        assert point.samples.shape == (20, 1, 16, 16)
        assert point.samples.dtype == torch.uint8
        told.append((point.seconds, point.images))
        if len(told) == 2:
            raise _EnoughError

    # Times within a step or the review after it are skipped; their number depends on the machine.
    times = (0.01, 0.02, *(2.0**power for power in range(1, 10)))
    with pytest.raises(_EnoughError):
        benchmark_module("quality_priorkit").train_recipe("vae", points.Task("digits", None, times, 20), report)
    (first, seen), (second, more) = told
    assert 0.01 <= first < second
    assert 0 < seen < more


@pytest.mark.parametrize("system", ["pythae-aae", "pythae-wae-mmd", "pythae-vamp"])
def test_pythae_systems_give_points(benchmark_module: Callable[[str], ModuleType], system: str) -> None:
    pytest.importorskip("pythae")
    points = benchmark_module("quality_points")
    told: list[object] = []
    task = points.Task("digits", None, (0.01, 0.5), 20, device="cpu")
    benchmark_module("quality_pythae").train_pythae(system, task, told.append)
    assert len(told) in (1, 2)
    last = told[-1]
    assert isinstance(last, points.Point)
    assert last.seconds >= 0.5
    assert last.images % 64 == 0
    assert last.samples.shape == (20, 1, 16, 16)
    assert last.samples.dtype == torch.uint8


def test_quality_is_measured_and_drawn(
    benchmark_module: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pythae")
    pytest.importorskip("matplotlib")
    arguments = ["--systems", "pythae-ae-gmm", "--minutes", "0.01", "--samples", "50", "--judge-epochs", "1"]
    folders = ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    assert benchmark_module("quality").main([*arguments, *folders, "--device", "cpu"]) == 0
    written = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert set(written["systems"]) == {"pythae-ae-gmm"}
    for result in written["systems"].values():
        assert result["failure"] is None
        assert result["points"][-1]["seconds"] >= 0.6
        assert all(point["distance"] > 0 and 1 <= point["score"] <= 10 for point in result["points"])
    assert (tmp_path / "out" / "quality.png").stat().st_size > 10_000
    assert "seconds to pass pythae's best final distance" in capsys.readouterr().out


def test_an_unknown_system_is_refused(
    benchmark_module: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        benchmark_module("quality").main(["--systems", "lerned", "--out", str(tmp_path / "out")])
    assert "lerned" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
