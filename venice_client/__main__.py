"""`python -m venice_client`: see cli."""

import io
import sys

from .cli import main

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter shows its code, and nothing breaks.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
