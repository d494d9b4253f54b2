"""The exit codes, and which error has which."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ApiError, InvalidRequestError, SettingsError, SpendingLimitError

OK = 0
FAILED = 1
REFUSED_HERE = 2
REFUSED_BY_API = 3
MAY_BE_CHARGED = 4
INTERRUPTED = 130

HELP = """\
exit codes:
  0    done
  1    failed: no connection, an unreadable answer, a file that cannot be written
  2    refused here: wrong options, wrong settings, an invalid request; nothing was sent
  3    refused by the API
  4    failed, and it may have been charged
  130  interrupted with Ctrl-C
Where several pictures fail for different reasons, the first of 4, 3, 2, 1 that is among them.
"""

_REFUSED_HERE = (SettingsError, InvalidRequestError, SpendingLimitError)


def code_for(error: BaseException, is_paid: bool) -> int:
    """The exit code of one error. is_paid: whether the command makes requests that cost money."""
    if is_paid and getattr(error, "may_have_been_charged", False):
        return MAY_BE_CHARGED
    if isinstance(error, ApiError):
        return REFUSED_BY_API
    if isinstance(error, _REFUSED_HERE):
        return REFUSED_HERE
    return FAILED


def code_for_all(errors: Iterable[BaseException]) -> int:
    """The exit code of a batch with these errors; 0 without any."""
    return max((code_for(error, is_paid=True) for error in errors), default=OK)
