"""What has been gathered of a run, as the files of a shared one."""

from collections.abc import Mapping
from pathlib import Path

from priorkit.whole_files import read_regular

__all__ = ["GatheredFiles"]


class GatheredFiles:
    """Contents that are about to be shared.

    Args:
        name: What they are called in messages.
        contents: Each file's content, or where it lies, by its name.
    """

    def __init__(self, name: str, contents: Mapping[str, bytes | Path]) -> None:
        self.name = name
        self._contents = contents
        self.sizes: Mapping[str, int] = {
            key: len(content) if isinstance(content, bytes) else content.stat().st_size
            for key, content in contents.items()
        }

    def copy(self, name: str, folder: Path) -> None:
        """Writes a file below a folder."""
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = self._contents[name]
        target.write_bytes(content if isinstance(content, bytes) else read_regular(content))
