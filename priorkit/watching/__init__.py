"""A local page that shows runs while they train."""

from priorkit.watching.run_table import RunTable
from priorkit.watching.server import DEFAULT_PORT, WatchServer, open_server

__all__ = ["DEFAULT_PORT", "RunTable", "WatchServer", "open_server"]
