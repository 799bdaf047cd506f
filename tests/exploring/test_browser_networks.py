import gzip
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import ExternalDataInfo

from priorkit.errors import ExportError, MissingExtraError
from priorkit.exploring import browser_networks
from priorkit.exploring.browser_networks import BrowserNetworks, Weights, networks_for_browsers
from priorkit.runs import Run

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def exported(train_tiny: Callable[..., Run]) -> BrowserNetworks:
    return networks_for_browsers(train_tiny(), Weights.AUTO, 10**9)


def external(graph: bytes) -> dict[str, ExternalDataInfo]:
    tensors = onnx.load_from_string(graph).graph.initializer
    return {each.name: ExternalDataInfo(each) for each in tensors if each.data_location == onnx.TensorProto.EXTERNAL}


def test_graphs_share_the_weights_that_are_alike(exported: BrowserNetworks) -> None:
    assert set(exported.graphs) == {"decoder", "reconstruction", "prior"}
    places = {role: {info.offset for info in external(graph).values()} for role, graph in exported.graphs.items()}
    assert places["decoder"]
    # What is no batch norm is the same for the prior's codes and the encoder's.
    assert places["decoder"] & places["reconstruction"]
    ends = [info.offset + info.length for graph in exported.graphs.values() for info in external(graph).values()]
    assert max(ends) == len(exported.weights)


def test_each_distinct_tensor_is_kept_once(exported: BrowserNetworks) -> None:
    spans = {(info.offset, info.length) for graph in exported.graphs.values() for info in external(graph).values()}
    contents = [exported.weights[start : start + length] for start, length in spans]
    assert len(set(contents)) == len(contents)
    assert sum(map(len, contents)) == len(exported.weights)


def test_large_weights_are_rounded(train_tiny: Callable[..., Run], exported: BrowserNetworks) -> None:
    half = networks_for_browsers(train_tiny(), Weights.AUTO, len(exported.weights) - 1)
    assert (exported.half, half.half) == (False, True)
    assert half.graphs == exported.graphs
    found = np.frombuffer(half.weights, np.float16).astype(np.float32)
    np.testing.assert_allclose(found, np.frombuffer(exported.weights, np.float32), atol=1e-3, rtol=1e-3)


def test_the_same_run_gives_the_same_bytes(exported: BrowserNetworks) -> None:
    packed = exported.packed()
    assert packed == exported.packed()
    assert gzip.decompress(packed["weights"]) == exported.weights


def test_without_weights_nothing_is_exported(train_tiny: Callable[..., Run]) -> None:
    found = networks_for_browsers(train_tiny(), Weights.NONE, 10**9)
    assert not found.decodes
    assert found.packed() == {}


def test_a_decoder_that_does_not_export_says_why(
    train_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Run, *arguments: object, **options: object) -> None:
        raise ExportError("--networks mlp cannot be exported as decoder: it asks for the time")

    monkeypatch.setattr(Run, "export", refuse)
    found = networks_for_browsers(train_tiny(), Weights.AUTO, 10**9)
    assert not found.decodes
    assert found.refused == {"decoder": "--networks mlp cannot be exported as decoder: it asks for the time"}


def test_the_missing_extra_is_named(train_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingExtraError("onnx is not there")

    monkeypatch.setattr("priorkit.exploring.browser_networks.require_onnx", missing)
    with pytest.raises(MissingExtraError, match=r"priorkit\[explore\].*--weights none"):
        networks_for_browsers(train_tiny(), Weights.AUTO, 10**9)


def test_weights_that_float16_cannot_say_stay_as_they_are(
    train_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_tiny()
    shared = browser_networks._SharedWeights
    monkeypatch.setattr(shared, "content", lambda self: np.array([70000.0], np.float32).tobytes())
    found = networks_for_browsers(run, Weights.FLOAT16, 10**9)
    assert not found.half
    assert found.weights == np.array([70000.0], np.float32).tobytes()
    assert "float16" in found.refused["rounding"]
