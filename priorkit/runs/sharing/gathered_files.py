"""The gathered contents of a run, as shared files."""

from collections.abc import Mapping
from pathlib import Path

from priorkit.whole_files import read_regular

__all__ = ["GatheredFiles"]


class GatheredFiles:
    """Contents that are about to be shared.

    Args:
        name: The name of the whole in messages.
        contents: Each file's content, or the path of a file with this content, by name.
    """

    def __init__(self, name: str, contents: Mapping[str, bytes | Path]) -> None:
        self.name = name
        self._contents = contents
        self.sizes: Mapping[str, int] = {
            key: len(content) if isinstance(content, bytes) else content.stat().st_size
            for key, content in contents.items()
        }

    def copy(self, name: str, folder: Path) -> None:
        """Copies a file into a folder, under its name."""
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = self._contents[name]
        target.write_bytes(content if isinstance(content, bytes) else read_regular(content))
