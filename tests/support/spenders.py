"""Processes that spend from one home, all at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from venice_client.store.ledger import FILE_NAME, Charge

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "https://api.venice.ai/api/v1"

SPENDER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from venice_client.errors import SpendingLimitError
from venice_client.settings.settings import Settings
from venice_client.store.ledger import Charge
from venice_client.store.spending_limit import SpendingLimit

home, tries, then = Path(sys.argv[2]), int(sys.argv[4]), sys.argv[5]
per_day = None if sys.argv[3] == "none" else float(sys.argv[3])
limit = SpendingLimit(Settings(home, max_usd_per_day=per_day), sys.argv[6])
print("ready", flush=True)
sys.stdin.readline()
reserved, refusal = [], ""
for _ in range(tries):
    try:
        reserved += limit.reserve("", [Charge("a-model", "image", 0.01)])
    except SpendingLimitError as error:
        refusal = str(error)
        break
    if then == "send":
        reserved[-1].note_sent(True)
    elif then == "spend":
        reserved[-1].spend()
print(len(reserved), refusal.splitlines()[:1], flush=True)
sys.stdin.readline()
"""


@dataclass(frozen=True)
class Spender:
    """A process that tries to reserve images of $0.01, and waits for its end."""

    process: subprocess.Popen[str]

    @classmethod
    def start(
        cls, home: Path, per_day: float | None, tries: int, then: str = "", **env: str
    ) -> Spender:
        """Start one, which waits for its signal. then: "send" or "spend" them too."""
        limit = "none" if per_day is None else str(per_day)
        process = subprocess.Popen(
            [sys.executable, "-c", SPENDER, str(ROOT), str(home), limit, str(tries), then, SERVICE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **env},
        )
        return cls(process)

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self, *, kill: bool = False) -> None:
        """End it normally, or with a kill."""
        if kill:
            self.process.kill()
        self.process.communicate("\n" if not kill else None, timeout=60)


def spend_together(spenders: Sequence[Spender]) -> tuple[int, list[str]]:
    """Let them reserve as soon as they can; return the number of images, and the refusals."""
    for spender in spenders:
        assert spender.line() == "ready\n"
    for spender in spenders:
        spender.go_on()
    ends = [spender.line().rstrip("\n").partition(" ") for spender in spenders]
    return sum(int(count) for count, _, _ in ends), [text for _, _, text in ends if text != "[]"]


def spent_today(home: Path, count: int) -> None:
    """Fill the ledger with images of $0.01, as on a busy day.

    They're hours ahead, so they're of today even if a test crosses midnight.
    """
    charge = Charge("a-model", "image", 0.01, True, SERVICE, "a run", time.time() + 10_000)
    lines = [replace(charge, id=f"{number:016x}").line() for number in range(count)]
    (home / FILE_NAME).write_bytes(b"".join(lines))
