from pathlib import Path

import pytest

from priorkit.errors import ConfigurationError
from priorkit.runs.sharing.hub_address import HubAddress


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf://user/name", HubAddress("user/name")),
        ("user/my.name_2", HubAddress("user/my.name_2")),
        ("hf://user/name@v1.0", HubAddress("user/name", "v1.0")),
        ("hf://user/name@refs/pr/1", HubAddress("user/name", "refs/pr/1")),
        (str(Path("hf://user/name")), HubAddress("user/name")),
    ],
)
def test_is_read(text, expected):
    assert HubAddress.parse(text) == expected
    assert HubAddress.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["hf://", "hf://user", "hf://a/b/c", "hf://a/..", "hf://a/b@", "hf://a/b@../c", "a b/c"]
)
def test_is_refused(text):
    with pytest.raises(ConfigurationError, match=r"names no repository|is not a branch"):
        HubAddress.parse(text)


def test_folders_are_no_addresses():
    for path in ("hf/user/name", "runs/hf:", "./hf://user/name", Path("hf")):
        assert not HubAddress.is_one(path)
    assert HubAddress.is_one(Path("hf://user/name"))
