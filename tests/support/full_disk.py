"""A disk without room: no file of this process may grow beyond some bytes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

HAS_LIMIT = sys.platform != "win32"


@contextlib.contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Has every write beyond `size` bytes of a file fail, after what fits has been written."""
    if sys.platform == "win32":
        raise NotImplementedError
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
