"""The exit codes, and the errors that have them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from ..errors import ApiError, InvalidRequestError, SettingsError, SpendingLimitError

OK = 0
FAILED = 1
NOT_SENT = 2
REFUSED_BY_API = 3
MAY_BE_CHARGED = 4
INTERRUPTED = 130

MEANINGS = {
    OK: "Done.",
    FAILED: "Something else failed: no connection, an unreadable list, or `results` couldn't "
    "write an image.",
    NOT_SENT: "Not sent: wrong options, settings or files, or a limit.",
    REFUSED_BY_API: "Venice answered with an error.",
    MAY_BE_CHARGED: "Failed, and you may have been charged: a lost or unreadable response, or an "
    "image that couldn't be written. The message says whether it's saved.",
    INTERRUPTED: "Interrupted with Ctrl-C.",
}


def _help() -> str:
    lines = ["exit codes:"]
    for code, meaning in MEANINGS.items():
        lines += textwrap.wrap(
            meaning, 80, initial_indent=f"  {code:<4} ", subsequent_indent=" " * 7
        )
    lines.append("If several images fail, the highest code counts.")
    return "\n".join(lines)


HELP = _help()

_NOT_SENT = (SettingsError, InvalidRequestError, SpendingLimitError)


def code_for(error: BaseException, is_paid: bool) -> int:
    """The exit code of one error. is_paid: whether the command makes requests that cost money."""
    if is_paid and getattr(error, "may_have_been_charged", False):
        return MAY_BE_CHARGED
    if isinstance(error, ApiError):
        return REFUSED_BY_API
    if isinstance(error, _NOT_SENT):
        return NOT_SENT
    return FAILED


def code_for_all(errors: Iterable[BaseException]) -> int:
    """The exit code of a batch with these errors; 0 without any."""
    return max((code_for(error, is_paid=True) for error in errors), default=OK)
