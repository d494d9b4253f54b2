"""Numbers in options. They are plain: Python alone would also take 1_000, inf and nan."""

from __future__ import annotations

import argparse
import math
import re

from ..text import plain_number


def whole_number(text: str) -> int:
    """The whole number in an option."""
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,4000}\s*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def decimal_number(text: str) -> float:
    """The number in an option."""
    found = plain_number(text)
    if math.isnan(found):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return found
