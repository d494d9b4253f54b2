"""A full disk: no file of this process can exceed some bytes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

HAS_LIMIT = sys.platform != "win32"


@contextlib.contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Make every write beyond `size` bytes of a file fail, after writing the part that fits."""
    if sys.platform == "win32":
        raise NotImplementedError
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
