"""How much one run may cost: estimates are reserved before anything is sent."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ..errors import SpendingLimitError

REMEMBERED_RUNS = 1000


class Spending:
    """Estimates reserved by run, in USD. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reserved: OrderedDict[str, float] = OrderedDict()

    def reserve(
        self, run: str, usd: float | None, limit: float | None, is_known: bool = True
    ) -> None:
        """Reserves `usd` for `run`. Raises SpendingLimitError if that would pass `limit`.

        run: whatever names one run; "" is a run of its own each time. usd: None where nobody can
        say, which passes any limit. is_known: whether every price in `usd` is published; only the
        message depends on it.
        """
        if usd is None and limit is not None:
            raise SpendingLimitError(
                "Not sent: no price is known for it, nor for anything of its kind, and the limit "
                f"for one run is {limit:.2f} USD. To send it all the same, without a limit, set "
                "VENICE_MAX_USD_PER_RUN=none."
            )
        usd = usd or 0.0
        with self._lock:
            before = self._reserved.get(run, 0.0)
            if usd > 0 and limit is not None and before + usd > limit + 1e-9:
                raise SpendingLimitError(_refusal(usd, before, limit, is_known))
            if run:
                self._reserved[run] = before + usd
                self._reserved.move_to_end(run)
                while len(self._reserved) > REMEMBERED_RUNS:
                    self._reserved.popitem(last=False)

    def release(self, run: str, usd: float) -> None:
        """Gives back what was reserved and is certain not to be charged."""
        with self._lock:
            if run in self._reserved:
                self._reserved[run] = max(0.0, self._reserved[run] - usd)


def _refusal(usd: float, before: float, limit: float, is_known: bool) -> str:
    about = "about" if is_known else "perhaps (a price is unknown and counts as the dearest one)"
    so_far = f" on top of {before:.2f} USD before it in this run" if before else ""
    return (
        f"Not sent: it would cost {about} {usd:.2f} USD{so_far}, and the limit for one run is "
        f"{limit:.2f} USD. Ask for less, or raise VENICE_MAX_USD_PER_RUN (`none`: no limit)."
    )
