"""`python -m venice_client`, or `python PATH/venice_client` from anywhere: see cli."""

import io
import sys
from pathlib import Path

if not __package__:  # by its path; ComfyUI's portable Python looks for -m in no folder of yours
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from venice_client.cli.app import main

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter shows its code, and nothing breaks.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
