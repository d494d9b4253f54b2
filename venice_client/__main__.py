"""`python -m venice_client`, or `python PATH/venice_client` from anywhere: see cli."""

import signal
import sys
from pathlib import Path

if not __package__:  # by its path; ComfyUI's portable Python looks for -m in no folder of yours
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from venice_client.cli.app import main
from venice_client.cli.exit_codes import INTERRUPTED
from venice_client.process import accept_any_letter, end_gently


def run() -> int:
    """Run the command line and return its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see missing_packages
        signal.signal(signal.SIGINT, signal.default_int_handler)
    end_gently()
    accept_any_letter()
    try:
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run())
